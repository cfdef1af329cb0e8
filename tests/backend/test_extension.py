"""K.native: a function of the engine's own arrays in the graph."""

import numpy as np

from minikeras import backend as K
from minikeras.layers import Dense, Input, Lambda
from minikeras.models import Model


def test_a_native_function_runs_inside_a_model_and_is_differentiated_as_told(backend):
    def gradient(g, y, x):
        return [K.expand_dims(g, -1) * 3.0 * K.ones_like(x)]

    tripled = Lambda(lambda x: K.native(lambda a: (a * 3.0).sum(-1), [x], (None,), gradient=gradient))
    inputs = Input((4,))
    hidden = Dense(5)(inputs)
    output = tripled(hidden)
    data = np.random.rand(3, 4).astype("float32")
    value, slope = K.function([inputs], [output, K.gradients(K.sum(output), [hidden])[0]])([data])
    expected = Model(inputs, hidden).predict(data).sum(-1) * 3.0
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, np.full((3, 5), 3.0))


def test_its_shape_may_be_a_function_of_the_inputs_shapes(backend):
    x = K.placeholder((None, 3))
    doubled = K.native(lambda a: a[..., None] * 2.0, [x], lambda shape: (*shape, 1))
    assert doubled.shape == (None, 3, 1)
    assert K.gradients(K.sum(doubled), [x]) == [None]
    assert K.function([x], [doubled])([np.ones((2, 3))])[0].shape == (2, 3, 1)
