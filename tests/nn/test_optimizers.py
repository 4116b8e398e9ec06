import numpy as np
import pytest

from mlpcli.nn.optimizers import OPTIMIZERS, SGD, Adam, AdamW


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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    w, scales = np.array([5.0, -3.0]), np.array([1.0, 4.0])
    optimizer = OPTIMIZERS[name](w)
    for _ in range(500):
        gradient = scales * w
        optimizer.step(w, gradient * 0.05 if optimizer.takes_scaled_gradient else gradient, 0.05)
    assert np.abs(w).max() < 0.05
