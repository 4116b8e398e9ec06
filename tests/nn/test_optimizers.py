import numpy as np
import pytest

from mlpcli.nn.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Momentum, Nesterov, RMSProp, WeightAverage


def test_sgd_takes_off_the_scaled_gradient():
    w = np.array([1.0, -2.0])
    SGD(w).step(w, 0.1 * np.array([2.0, 4.0]), 0.1)
    np.testing.assert_allclose(w, [0.8, -2.4])


def test_momentum_worked_by_hand():
    # mu = 0.5, constant gradient 1, rate 1: velocities -1, -1.5, -1.75; positions -1, -2.5, -4.25
    w, optimizer, seen = np.zeros(1), SGD(np.zeros(1), momentum=0.5), []
    for _ in range(3):
        optimizer.step(w, np.ones(1), 1.0)
        seen.append(float(w[0]))
    assert seen == [-1.0, -2.5, -4.25]


def test_adam_under_a_constant_gradient_moves_by_the_rate_whatever_its_size():
    # Its corrected mean is then g and its corrected square g^2 at every step.
    w = np.array([0.0, 0.0, 0.0])
    optimizer = Adam(w)
    for step in range(1, 6):
        optimizer.step(w, np.array([1e-3, -1.0, 1e3]), 0.01)
        np.testing.assert_allclose(w, 0.01 * step * np.array([-1, 1, -1]), rtol=1e-4)


def test_adam_second_step_worked_by_hand():
    # beta1 = 0.5, beta2 = 0.75, gradients 1 then 3, rate 1, no epsilon to speak of:
    # m = 0.5, 1.75; corrected 1, 7/3.  v = 0.25, 39/16; corrected 1, 39/7.  Steps 1 and (7/3) / sqrt(39/7).
    w = np.zeros(1)
    optimizer = Adam(w, beta1=0.5, beta2=0.75, epsilon=1e-300)
    optimizer.step(w, np.array([1.0]), 1.0)
    assert w[0] == pytest.approx(-1.0)
    optimizer.step(w, np.array([3.0]), 1.0)
    assert w[0] == pytest.approx(-1.0 - (7 / 3) / (39 / 7) ** 0.5)


def test_adam_epsilon_is_the_papers():
    # First step: corrected mean and root are both |g|, so the step is rate g / (|g| + epsilon) = 1 / (1 + 1).
    w = np.zeros(1)
    Adam(w, epsilon=2.0).step(w, np.array([2.0]), 1.0)
    assert w[0] == pytest.approx(-0.5)


def test_adamw_shrinks_weights_that_have_no_gradient():
    w = np.array([4.0])
    optimizer = AdamW(w, weight_decay=0.5)
    for _ in range(3):
        optimizer.step(w, np.zeros(1), 0.1)
    assert w[0] == pytest.approx(4.0 * 0.95**3)


def test_adamw_without_decay_is_adam():
    one, other = np.ones(3), np.ones(3)
    adam, adamw = Adam(one), AdamW(other)
    for _ in range(4):
        adam.step(one, one * 2, 0.1)
        adamw.step(other, other * 2, 0.1)
    np.testing.assert_array_equal(one, other)


def path_of(optimizer, gradients, rate):
    """Where each step leads from 0."""
    w, seen = np.zeros(1), []
    for g in gradients:
        given = np.array([g * rate if optimizer.takes_scaled_gradient else g])
        optimizer.step(w, given, rate)
        seen.append(float(w[0]))
    return seen


def test_momentum_is_sgd_with_nine_tenths():
    assert Momentum(np.zeros(1)).momentum == 0.9
    gradients = [1.0, -2.0, 0.5]
    assert path_of(Momentum(np.zeros(1)), gradients, 0.1) == path_of(SGD(np.zeros(1), momentum=0.9), gradients, 0.1)


def test_a_rate_that_changes_leaves_the_velocity_alone():
    # mu = 0.5: v = -1; then -0.5 - 0.1 g with g = 1
    w, optimizer = np.zeros(1), SGD(np.zeros(1), momentum=0.5)
    optimizer.step(w, np.ones(1) * 1.0, 1.0)
    optimizer.step(w, np.ones(1) * 0.1, 0.1)
    assert w[0] == pytest.approx(-1.6)


def test_nesterov_worked_by_hand():
    # mu = 0.5, rate 1, gradients 1, 1, 0: v = -1, -1.5, -0.75; w moves by v / 2 - g = -1.5, -1.75, -0.375
    assert path_of(Nesterov(np.zeros(1), momentum=0.5), [1, 1, 0], 1.0) == [-1.5, -3.25, -3.625]


def test_nesterov_is_the_two_step_method_looked_at_from_ahead():
    # Nesterov's own form: y is where the gradient is taken, x the point; the optimizer keeps y.
    def gradient(at):
        return np.array([1.0, 4.0]) * at - 1.0

    mu, rate = 0.8, 0.1
    x, v = np.array([3.0, -2.0]), np.zeros(2)
    w, optimizer = x.copy(), Nesterov(x, momentum=mu)
    for _ in range(20):
        v = mu * v - rate * gradient(x + mu * v)
        x = x + v
        optimizer.step(w, rate * gradient(w), rate)
    np.testing.assert_allclose(w, x + mu * v)


def test_rmsprop_worked_by_hand():
    # beta2 = 0.75: s = 0.25 g^2 = 1, then 0.75 + 0.25 * 9 = 3; steps 2 / (1 + 1) and 3 / (sqrt 3 + 1), rate 1/2
    found = path_of(RMSProp(np.zeros(1), beta2=0.75, epsilon=1.0), [2.0, 3.0], 0.5)
    assert found == pytest.approx([-0.5, -0.5 - 1.5 / (3**0.5 + 1)])


def test_rmsprop_hardly_minds_the_size_of_a_gradient():
    small, large = (path_of(RMSProp(np.zeros(1)), [g, -2 * g, g], 0.1) for g in (1e-3, 1e3))
    assert small == pytest.approx(large, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "given", "theirs", "options"),
    [
        ("sgd", {}, "SGD", {}),
        ("momentum", {"momentum": 0.8}, "SGD", {"momentum": 0.8}),
        ("nesterov", {"momentum": 0.8}, "SGD", {"momentum": 0.8, "nesterov": True}),
        ("rmsprop", {"beta2": 0.9}, "RMSprop", {"alpha": 0.9}),
        ("adam", {"beta1": 0.8, "beta2": 0.95}, "Adam", {"betas": (0.8, 0.95)}),
        ("adamw", {"weight_decay": 0.3}, "AdamW", {"weight_decay": 0.3}),
    ],
)
def test_each_walks_as_in_pytorch(name, given, theirs, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start, gradients, rate = rng.standard_normal(4), rng.standard_normal((20, 4)), 0.05
    w, other = start.copy(), torch.tensor(start, requires_grad=True)
    ours, its = OPTIMIZERS[name](w, **given), getattr(torch.optim, theirs)([other], lr=rate, **options)
    for g in gradients:
        other.grad = torch.tensor(g)
        its.step()
        ours.step(w, g * rate if ours.takes_scaled_gradient else g.copy(), rate)
    np.testing.assert_allclose(w, other.detach().numpy(), rtol=1e-10)


def test_adam_ends_where_scikit_learns_does():
    module = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    rng = np.random.default_rng(0)
    w = rng.standard_normal(5)
    theirs, ours = [w.copy()], Adam(w)
    its = module.AdamOptimizer(theirs, learning_rate_init=0.1, epsilon=1e-12)
    ours.epsilon = 1e-12  # it adds epsilon to the root before the correction
    for g in rng.standard_normal((30, 5)):
        its.update_params(theirs, [g])
        ours.step(w, g.copy(), 0.1)
    np.testing.assert_allclose(w, theirs[0], rtol=1e-8)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_ends_where_scikit_learns_does(nesterov):
    module = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    rng = np.random.default_rng(0)
    w = rng.standard_normal(5)
    theirs, ours = [w.copy()], (Nesterov if nesterov else Momentum)(w, 0.7)
    its = module.SGDOptimizer(theirs, learning_rate_init=0.1, momentum=0.7, nesterov=nesterov)
    for g in rng.standard_normal((30, 5)):
        its.update_params(theirs, [g])
        ours.step(w, 0.1 * g, 0.1)
    np.testing.assert_allclose(w, theirs[0], rtol=1e-10)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_its_vectors_and_its_steps(name):
    # Which is what resuming relies on.
    rng = np.random.default_rng(0)
    w = rng.standard_normal(3)
    optimizer = OPTIMIZERS[name](w)
    for g in rng.standard_normal((4, 3)):
        optimizer.step(w, g, 0.1)
    assert optimizer.steps == 4
    again, other = OPTIMIZERS[name](w), w.copy()
    again.vectors, again.steps = {name: vector.copy() for name, vector in optimizer.vectors.items()}, 4
    for g in rng.standard_normal((4, 3)):
        optimizer.step(w, g.copy(), 0.1)
        again.step(other, g.copy(), 0.1)
    np.testing.assert_array_equal(w, other)


def test_an_average_worked_by_hand():
    # From 10 with a decay of at most 1/4, which (1 + t) / (10 + t) reaches after the second step: 2/11, then 1/4.
    average = WeightAverage(np.array([10.0]), 0.25)
    average.update(np.array([0.0]), 1)
    assert average.vector[0] == pytest.approx(10 * 2 / 11)
    average.update(np.array([4.0]), 2)
    assert average.vector[0] == pytest.approx(0.25 * 20 / 11 + 0.75 * 4)
    average.update(np.array([0.0]), 500)
    assert average.vector[0] == pytest.approx(0.25 * (0.25 * 20 / 11 + 3))


def test_an_average_forgets_its_beginning_and_calms_noise():
    rng = np.random.default_rng(0)
    average, seen = WeightAverage(np.array([1e3]), 0.99), []
    for step in range(1, 3001):
        average.update(5.0 + rng.standard_normal(1), step)
        seen.append(float(average.vector[0]))
    late = np.array(seen[1000:])
    assert late.mean() == pytest.approx(5.0, abs=0.05)
    # The variance of such an average is (1 - d) / (1 + d) of that of a single one.
    assert late.std() == pytest.approx((0.01 / 1.99) ** 0.5, rel=0.2)


def test_an_average_of_what_stands_still_is_that():
    w = np.random.default_rng(0).standard_normal(4).astype(np.float32)
    average = WeightAverage(w, 0.999)
    for step in range(1, 50):
        average.update(w, step)
    np.testing.assert_array_equal(average.vector, w)
    assert average.vector is not w


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    w, scales = np.array([5.0, -3.0]), np.array([1.0, 4.0])
    optimizer = OPTIMIZERS[name](w)
    for _ in range(500):
        gradient = scales * w
        optimizer.step(w, gradient * 0.05 if optimizer.takes_scaled_gradient else gradient, 0.05)
    assert np.abs(w).max() < 0.05
