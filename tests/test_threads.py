import pytest

from mlpcli import threads
from mlpcli.config import Settings
from mlpcli.run import Run

needs_openblas = pytest.mark.skipif(threads.current_blas_threads() is None, reason="NumPy without its own OpenBLAS")


@needs_openblas
def test_the_number_is_set_and_restored():
    before = threads.current_blas_threads()
    for number in (1, 2):
        with threads.blas_threads(number):
            assert threads.current_blas_threads() == number
    assert threads.current_blas_threads() == before


@needs_openblas
def test_threadpoolctl_sees_the_same():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threads.blas_threads(1):
        pools = [pool for pool in threadpoolctl.threadpool_info() if "numpy.libs" in pool["filepath"]]
        assert [pool["num_threads"] for pool in pools] == [1]  # SciPy has one of its own


@needs_openblas
@pytest.mark.parametrize("number", [1, 2])
def test_a_run_uses_what_it_was_told(tiny, number):
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), epochs=2, threads=number))
    seen = []
    list(run.epochs(on_step=lambda step, loss: seen.append(threads.current_blas_threads())))
    assert set(seen) == {number}
    assert run.model().meta["blas_threads"] == number
