"""How the tests of the layers run one: on placeholders, with random weights, all shape promises checked."""

import numpy as np

from minikeras import backend as K
from minikeras.layers import Input


def data(*shape, low=-1.0, high=1.0):
    """Uniform float32 numbers."""
    return np.random.uniform(low, high, shape).astype("float32")


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def inputs_for(arrays, batch=None):
    return [Input(batch_shape=(batch, *a.shape[1:]), dtype=a.dtype.name) for a in arrays]


def randomized(layer):
    """Give the layer random weights (variances stay positive) and return them."""
    values = [data(*w.shape) + ("variance" in w.name) * 2 for w in layer.weights]
    layer.set_weights(values)
    return values


def evaluate(inputs, arrays, outputs, training=0):
    return K.function([*inputs, K.learning_phase()], list(outputs))([*arrays, training])


def run(layer, *arrays, training=0, batch=None, **call):
    """(output or list of outputs, weights) of the layer on the arrays. Checks the static and the computed shapes."""
    inputs = inputs_for(arrays, batch)
    outputs = layer(inputs if len(inputs) > 1 else inputs[0], **call)
    weights = randomized(layer)
    values = evaluate(inputs, arrays, as_list(outputs), training)
    shapes = [K.int_shape(x) for x in inputs]
    promised = layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    promised = promised if isinstance(promised, list) else [promised]
    for value, tensor, shape in zip(values, as_list(outputs), promised, strict=True):
        for known in (K.int_shape(tensor), shape):
            assert len(known) == value.ndim
            assert all(n in (None, m) for n, m in zip(known, value.shape, strict=True)), (known, value.shape)
    return (values if isinstance(outputs, list) else values[0]), weights


def mask_of(layer, *arrays):
    """The mask that a layer gives for the arrays."""
    inputs = inputs_for(arrays)
    layer(inputs if len(inputs) > 1 else inputs[0])
    return evaluate(inputs, arrays, [layer.output_mask])[0]


def close(a, b, tol=2e-5):
    np.testing.assert_allclose(a, b, rtol=tol, atol=tol)
