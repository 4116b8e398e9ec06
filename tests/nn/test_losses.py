import math

import numpy as np
import pytest

from mlpcli.nn.losses import (
    LOSSES,
    absolute_error,
    distillation,
    huber,
    sigmoid_cross_entropy,
    sigmoid_focal,
    softmax_cross_entropy,
    softmax_focal,
    squared_error,
)

LN3 = math.log(3)  # softmax(0, ln 3) = (1/4, 3/4), sigmoid(ln 3) = 3/4


def losses_of(function, z, targets, dtype="float64"):
    """The loss of each example, dLoss/dz (or /da), and what is left in z."""
    z, targets = np.array(z, dtype), np.array(targets, dtype)
    delta, each = np.full_like(z, np.nan), np.full(len(z), np.nan, dtype)
    function(z, targets, delta, np.full_like(z, np.nan), each)
    return each, delta, z


def loss_of(function, z, targets, dtype="float64"):
    return losses_of(function, z, targets, dtype)[0].sum()


def test_squared_error_is_summed_over_outputs():
    # (1 - 0.5)^2 + (0 - 0.5)^2, and (0 - 1)^2 + (2 - 0)^2
    each, delta, _ = losses_of(squared_error, [[0.5, 0.5], [1.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]])
    assert each.tolist() == [0.5, 5.0]
    assert delta.tolist() == [[-1.0, 1.0], [2.0, -4.0]]


def test_absolute_error_is_summed_over_outputs():
    each, delta, _ = losses_of(absolute_error, [[0.5, 0.5], [1.0, 7.0]], [[1.0, 0.0], [1.0, 4.0]])
    assert each.tolist() == [1.0, 3.0]
    assert delta.tolist() == [[-1.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("error", "loss", "slope"),
    [
        (1.0, 0.5, 1.0),  # below the threshold of 2: a half of its square
        (-1.0, 0.5, -1.0),
        (2.0, 2.0, 2.0),  # where the two branches meet: 2^2 / 2 = 2 (2 - 1)
        (3.0, 4.0, 2.0),  # 2 (3 - 1)
        (-10.0, 18.0, -2.0),  # 2 (10 - 1)
        (0.0, 0.0, 0.0),
    ],
)
def test_huber_worked_by_hand(error, loss, slope):
    each, delta, _ = losses_of(huber(2.0), [[5.0 + error, 1.0]], [[5.0, 1.0]])
    assert (each.item(), delta.tolist()) == (loss, [[slope, 0.0]])


def test_huber_of_several_outputs_is_their_sum():
    assert losses_of(huber(1.0), [[0.5, 3.0], [0.0, -2.0]], [[0.0, 0.0]] * 2)[0].tolist() == [0.125 + 2.5, 1.5]


def test_cross_entropy_of_no_knowledge_is_the_logarithm_of_the_classes():
    assert loss_of(softmax_cross_entropy, [[0.0] * 4], [[0, 0, 1, 0]]) == pytest.approx(math.log(4))
    assert loss_of(sigmoid_cross_entropy, [[0.0] * 4], [[0, 0, 1, 1]]) == pytest.approx(4 * math.log(2))


def test_cross_entropy_of_a_probability_of_three_quarters():
    each, delta, a = losses_of(softmax_cross_entropy, [[0.0, LN3], [LN3, 0.0]], [[0, 1], [0, 1]])
    np.testing.assert_allclose(each, [math.log(4 / 3), math.log(4)])
    np.testing.assert_allclose(a, [[0.25, 0.75], [0.75, 0.25]])
    np.testing.assert_allclose(delta, [[0.25, -0.25], [0.75, -0.75]])
    each, delta, a = losses_of(sigmoid_cross_entropy, [[LN3], [LN3]], [[0], [1]])
    np.testing.assert_allclose(each, [math.log(4), math.log(4 / 3)])
    np.testing.assert_allclose(a, [[0.75], [0.75]])
    np.testing.assert_allclose(delta, [[0.75], [-0.25]])


def test_cross_entropy_to_smoothed_targets():
    # (1/10, 9/10) against (1/4, 3/4): - 1/10 log 1/4 - 9/10 log 3/4
    expected = 0.1 * math.log(4) + 0.9 * math.log(4 / 3)
    assert loss_of(softmax_cross_entropy, [[0.0, LN3]], [[0.1, 0.9]]) == pytest.approx(expected)
    assert loss_of(sigmoid_cross_entropy, [[LN3]], [[0.9]]) == pytest.approx(expected)


def test_a_sigmoid_is_a_softmax_of_two():
    z = np.linspace(-5, 5, 11)[:, np.newaxis]
    y = np.linspace(0, 1, 11)[:, np.newaxis]
    one = losses_of(sigmoid_cross_entropy, z, y)[0]
    two = losses_of(softmax_cross_entropy, np.hstack([z, 0 * z]), np.hstack([y, 1 - y]))[0]
    np.testing.assert_allclose(one, two)
    one = losses_of(sigmoid_focal(1.7), z, y)[0]
    two = losses_of(softmax_focal(1.7), np.hstack([z, 0 * z]), np.hstack([y, 1 - y]))[0]
    np.testing.assert_allclose(one, two)


@pytest.mark.parametrize(
    ("focal", "plain"), [(softmax_focal, softmax_cross_entropy), (sigmoid_focal, sigmoid_cross_entropy)]
)
def test_focal_loss_of_gamma_0_is_cross_entropy(focal, plain):
    rng = np.random.default_rng(0)
    z, targets = rng.normal(0, 3, (600, 4)), rng.dirichlet(np.ones(4), 600)  # more rows than it takes at a time
    for one, other in zip(losses_of(focal(0.0), z, targets), losses_of(plain, z, targets), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize(("gamma", "factor"), [(1.0, 3 / 4), (2.0, 9 / 16), (0.5, math.sqrt(3) / 2)])
def test_focal_loss_of_a_probability_of_one_quarter(gamma, factor):
    assert loss_of(softmax_focal(gamma), [[0.0, LN3]], [[1, 0]]) == pytest.approx(factor * math.log(4))
    assert loss_of(sigmoid_focal(gamma), [[-LN3]], [[1]]) == pytest.approx(factor * math.log(4))
    assert loss_of(sigmoid_focal(gamma), [[LN3]], [[0]]) == pytest.approx(factor * math.log(4))


def test_what_is_learnt_already_counts_less_in_focal_loss():
    # From p = 1/4 to p = 3/4 cross-entropy falls to log(4/3) / log 4, focal loss of gamma 2 to a ninth of that.
    hard, easy = losses_of(softmax_focal(2.0), [[0.0, LN3], [0.0, LN3]], [[1, 0], [0, 1]])[0]
    assert easy / hard == pytest.approx(math.log(4 / 3) / math.log(4) / 9)


def _softened(z, temperature):
    powers = [math.exp(one / temperature) for one in z]
    return [one / sum(powers) for one in powers]


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.5), (2.0, 0.9), (20.0, 0.9), (4.0, 1.0)])
def test_distillation_is_two_cross_entropies(temperature, share):
    z, label, teacher = [0.3, -1.2, 2.0], 1, [0.2, 0.5, 0.3]
    by_label = -math.log(_softened(z, 1.0)[label])
    by_teacher = -sum(p * math.log(q) for p, q in zip(teacher, _softened(z, temperature), strict=True))
    each, _, a = losses_of(distillation(temperature, share), [z], [[0, 1, 0, *teacher]])
    assert each.item() == pytest.approx((1 - share) * by_label + share * temperature**2 * by_teacher)
    np.testing.assert_allclose(a, [_softened(z, 1.0)])


def test_the_size_of_a_distilled_gradient_does_not_follow_the_temperature():
    # Hinton et al., section 2.1: at high temperatures it tends to (z - v) / O for centred logits z and v.
    z, v = np.array([[3.0, -1.0, -2.0]]), np.array([[1.0, 1.0, -2.0]])
    for temperature in (100.0, 1000.0):
        teacher = [_softened(v[0], temperature)]
        _, delta, _ = losses_of(distillation(temperature, 1.0), z, np.hstack([np.eye(3)[:1], teacher]))
        np.testing.assert_allclose(delta, (z - v) / 3, atol=0.02)


def test_distillation_at_temperature_1_with_no_labels_is_cross_entropy_to_the_teacher():
    rng = np.random.default_rng(1)
    z, labels, teacher = rng.normal(0, 2, (300, 4)), np.eye(4)[rng.integers(0, 4, 300)], rng.dirichlet(np.ones(4), 300)
    distilled = losses_of(distillation(1.0, 1.0), z, np.hstack([labels, teacher]))
    for one, other in zip(distilled, losses_of(softmax_cross_entropy, z, teacher), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "more"),
    [
        (softmax_cross_entropy, 0.0),
        (sigmoid_cross_entropy, math.log(2)),  # the other output has a probability of 1/2
        (softmax_focal(2.0), 0.0),
        (sigmoid_focal(2.0), math.log(2) / 4),
    ],
)
def test_certainty_that_is_wrong_costs_its_margin_and_takes_no_log_of_zero(function, more, dtype):
    # Far from the target the loss is linear in z: probabilities round to 0 there, their logarithms must not.
    assert loss_of(function, [[1e4, 0.0]], [[0, 1]], dtype) == pytest.approx(1e4 + more, rel=1e-7)
    each, delta, a = losses_of(function, [[1e4, -1e4]], [[1, 0]], dtype)
    assert (each.item(), delta.tolist(), a.tolist()) == (0.0, [[0.0, 0.0]], [[1.0, 0.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_warns_or_overflows_far_out(name, dtype):
    # Warnings are errors in this test suite.
    family = LOSSES[name]
    parts = family.make(*family.defaults)
    z = [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e-30, 0.0, 88.0], [16.7, 0.0, 0.0]]
    targets = np.eye(3)[[0, 1, 1, 0]]
    if name == "distillation":
        targets = np.hstack([targets, targets[::-1]])
    for function in [*parts.fused.values(), *([parts.of_output] if parts.of_output else [])]:
        each, delta, _ = losses_of(function, z, targets, dtype)
        assert np.isfinite(each).all()
        assert np.isfinite(delta).all()
        assert (each >= 0).all()
        assert each.dtype == delta.dtype == dtype


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 100.0])
def test_focal_loss_near_certainty_keeps_its_digits(gamma):
    # log a and 1 - a by decimal arithmetic of 50 digits
    from decimal import Decimal, getcontext

    getcontext().prec = 50
    for z in (1.0, 5.0, 20.0, 40.0):
        a = 1 / (1 + Decimal(-z).exp())
        expected = float((1 - a) ** Decimal(gamma) * -a.ln())
        for function, row, target in ((softmax_focal, [z, 0.0], [1, 0]), (sigmoid_focal, [z], [1])):
            assert loss_of(function(gamma), [row], [target]) == pytest.approx(expected, rel=1e-9)


ALL = ("identity", "sigmoid", "tanh", "relu", "gelu", "softmax")


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        ("mse", ALL),
        ("mae", ALL),
        ("huber", ALL),
        ("cross-entropy", ("sigmoid", "softmax")),
        ("binary-cross-entropy", ("sigmoid",)),
        ("focal", ("sigmoid", "softmax")),
        ("distillation", ("softmax",)),
    ],
)
def test_each_loss_says_which_outputs_it_is_defined_for(loss, outputs):
    parts = LOSSES[loss].make(*LOSSES[loss].defaults)
    assert tuple(name for name in ALL if parts.allows(name)) == outputs


@pytest.mark.parametrize("z", [4.0, 10.0, 14.0, 16.0])
def test_binary_cross_entropy_keeps_its_digits_where_the_network_is_right(z):
    # log(1 + exp(-z)) for a yes, from a series that needs no difference: x - x^2 / 2 + x^3 / 3
    x = math.exp(-z)
    assert loss_of(sigmoid_cross_entropy, [[z]], [[1.0]], "float32") == pytest.approx(x - x**2 / 2 + x**3 / 3, rel=1e-5)
