import tracemalloc

import numpy as np
import pytest

from mlpcli.nn.network import Network, Parameters, Workspace


def small_network():
    """2-2-1, linear hidden layer and output: every number can be worked on paper."""
    network = Network((2, 2, 1), ("identity", "identity"), "mse")
    parameters = Parameters.zeros(network.structure, "float64")
    parameters.W[0][...] = [[1.0, 2.0], [3.0, 4.0]]
    parameters.b[0][...] = [0.5, -0.5]
    parameters.W[1][...] = [[2.0, -1.0]]
    parameters.b[1][...] = [1.0]
    return network, parameters


def test_forward_worked_by_hand():
    network, parameters = small_network()
    # x = (1, 1): a2 = (3.5, 6.5), a3 = 7 - 6.5 + 1 = 1.5.  x = (2, 0): a2 = (2.5, 5.5), a3 = 5 - 5.5 + 1 = 0.5
    outputs = network.forward(parameters, np.array([[1.0, 1.0], [2.0, 0.0]]), network.workspace(2, "float64"))
    np.testing.assert_allclose(outputs, [[1.5], [0.5]])


def test_gradient_worked_by_hand():
    network, parameters = small_network()
    gradient = Parameters.zeros(network.structure, "float64")
    X, targets = np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([[1.0], [1.0]])
    total = network.loss_and_gradient(parameters, X, targets, network.workspace(2, "float64"), gradient)
    assert total == 0.25 + 0.25
    # delta3 = 2 (a - y) / 2 = 0.5 and -0.5; delta2 = delta3 (2, -1)
    np.testing.assert_allclose(gradient.W[1], [[0.5 * 3.5 - 0.5 * 2.5, 0.5 * 6.5 - 0.5 * 5.5]])
    np.testing.assert_allclose(gradient.b[1], [0.0])
    np.testing.assert_allclose(gradient.W[0], [[1.0 - 2.0, 1.0], [-0.5 + 1.0, -0.5]])
    np.testing.assert_allclose(gradient.b[0], [0.0, 0.0])


def test_gradient_of_a_batch_is_the_mean_over_its_examples():
    rng = np.random.default_rng(3)
    network = Network((4, 3, 2), ("tanh", "softmax"), "cross-entropy")
    parameters = network.initial_parameters("xavier", rng, "float64")
    X, targets = rng.standard_normal((7, 4)), np.eye(2)[rng.integers(0, 2, 7)]
    workspace = network.workspace(16, "float64")
    whole = Parameters.zeros(network.structure, "float64")
    network.loss_and_gradient(parameters, X, targets, workspace, whole)
    singles = []
    for i in range(7):
        one = Parameters.zeros(network.structure, "float64")
        network.loss_and_gradient(parameters, X[i : i + 1], targets[i : i + 1], workspace, one)
        singles.append(one.flat)
    np.testing.assert_allclose(whole.flat, np.mean(singles, axis=0), atol=1e-14)


def test_weights_and_biases_are_views_of_one_vector():
    parameters = Parameters.zeros((3, 2, 1), "float32")
    assert parameters.flat.shape == (3 * 2 + 2 + 2 * 1 + 1,)
    parameters.flat[...] = np.arange(11)
    np.testing.assert_array_equal(parameters.W[0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(parameters.b[0], [6, 7])
    np.testing.assert_array_equal(parameters.W[1], [[8, 9]])
    np.testing.assert_array_equal(parameters.b[1], [10])


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "softmax"])
@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "mse"), ("softmax", "cross-entropy"), ("softmax", "mse")])
def test_a_step_allocates_nothing_of_the_batchs_size(activation, output, loss):
    rng, batch = np.random.default_rng(0), 32_768
    network = Network((5, 8, 8, 3), (activation, activation, output), loss)
    parameters = network.initial_parameters("xavier", rng, "float32")
    gradient = Parameters.zeros(network.structure, "float32")
    X = rng.standard_normal((batch, 5), dtype=np.float32)
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, batch)]
    workspace = network.workspace(batch, "float32")
    network.loss_and_gradient(parameters, X, targets, workspace, gradient)
    tracemalloc.start()
    try:
        network.loss_and_gradient(parameters, X, targets, workspace, gradient)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < batch * 4  # one float32 for each example would show; NumPy's own casting buffers are 32 kB


def test_a_workspace_serves_every_smaller_batch_and_no_larger_one():
    workspace = Workspace((3, 4, 2), 8, "float32")
    assert workspace.for_batch(5).A[1].shape == (5, 2)
    assert np.shares_memory(workspace.for_batch(5).A[0], workspace.A[0])
    with pytest.raises(ValueError, match="8 examples, not 9"):
        workspace.for_batch(9)


@pytest.mark.parametrize(
    ("structure", "activations", "loss", "what"),
    [
        ((3,), (), "mse", "two or more"),
        ((3, 0), ("relu",), "mse", "positive"),
        ((3, 2), ("relu", "relu"), "mse", "1 activations"),
        ((3, 2), ("swish",), "mse", "swish"),
        ((3, 2), ("relu",), "hinge", "hinge"),
        ((3, 2), ("relu",), "cross-entropy", "probabilities"),
    ],
)
def test_what_does_not_fit_together_is_refused(structure, activations, loss, what):
    with pytest.raises(ValueError, match=what):
        Network(structure, activations, loss)


def test_parameters_of_the_wrong_size_are_refused():
    with pytest.raises(ValueError, match="8 parameters"):
        Parameters(np.zeros(7), (3, 2))


def test_float32_and_float64_agree():
    rng = np.random.default_rng(5)
    network = Network((6, 5, 3), ("relu", "softmax"), "cross-entropy")
    wide = network.initial_parameters("he", rng, "float64")
    narrow = Parameters(wide.flat.astype(np.float32), network.structure)
    X = rng.standard_normal((4, 6))
    one = network.forward(wide, X, network.workspace(4, "float64"))
    other = network.forward(narrow, X.astype(np.float32), network.workspace(4, "float32"))
    np.testing.assert_allclose(one, other, atol=1e-6)
