"""Helpers for tests of layers."""
import numpy as np

from .. import backend as K


def get_test_data(num_train=1000, num_test=500, input_shape=(10,), output_shape=(2,), classification=True,
                  num_classes=2):
    """Random data that can be learnt: ((x_train, y_train), (x_test, y_test)).

    With classification y holds labels [samples], and x depends on them; otherwise y is [samples, *output_shape].
    """
    samples = num_train + num_test
    if classification:
        y = np.random.randint(0, num_classes, size=samples)
        mean = y
    else:
        mean = np.random.random(samples)
        y = np.broadcast_to(mean.reshape(-1, *[1] * len(output_shape)), (samples, *output_shape))
    x = mean.reshape(-1, *[1] * len(input_shape)) + 0.5 * np.random.normal(size=(samples, *input_shape))
    x, y = x.astype(K.floatx()), y if classification else y.astype(K.floatx())
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def layer_test(layer_cls, kwargs={}, input_shape=None, input_dtype=None, input_data=None, expected_output=None,  # noqa: B006
               expected_output_dtype=None, fixed_batch_size=False):
    """Put a layer through what every layer has to stand, with assertions; returns its output for the data.

    layer_cls, kwargs: class and arguments. input_shape: with the batch; sizes None are drawn. input_data: an array
    instead. expected_output, expected_output_dtype: what it has to give. fixed_batch_size: build with the batch size.
    Checked: config and back, get and set of weights, declared shape and dtype, the model's config and back, a step of
    training, and the same in a Sequential.
    """
    from ..layers import Input
    from ..models import Model, Sequential
    if input_data is None:
        shape = [size or np.random.randint(1, 4) for size in input_shape]
        input_data = (10 * np.random.random(shape)).astype(input_dtype or K.floatx())
    input_shape = input_shape or input_data.shape
    input_dtype = input_dtype or str(input_data.dtype)
    layer = layer_cls.from_config(layer_cls(**kwargs).get_config())

    x = Input(batch_shape=input_shape, dtype=input_dtype) if fixed_batch_size else \
        Input(shape=input_shape[1:], dtype=input_dtype)
    y = layer(x)
    assert K.dtype(y) == (expected_output_dtype or input_dtype), \
        f"{layer_cls.__name__} gives {K.dtype(y)}, not {expected_output_dtype or input_dtype}"
    layer.set_weights(layer.get_weights())
    model = Model(x, y)
    output = model.predict(input_data)
    _check_shape(layer.compute_output_shape(input_shape), output.shape)
    if expected_output is not None:
        np.testing.assert_allclose(output, expected_output, rtol=1e-3)

    _check_copy(model, input_data)
    if np.issubdtype(output.dtype, np.floating):
        model.compile("rmsprop", "mse")
        model.train_on_batch(input_data, output)
    _check_copy(Sequential([layer_cls(batch_input_shape=input_shape, **kwargs)]), input_data)
    return output


def _check_shape(declared, actual):
    fits = len(declared) == len(actual) and all(d in (None, a) for d, a in zip(declared, actual, strict=True))
    assert fits, f"declared shape {declared}, actual shape {actual}"


def _check_copy(model, x):
    same = type(model).from_config(model.get_config())
    same.set_weights(model.get_weights())
    np.testing.assert_allclose(same.predict(x), model.predict(x), rtol=1e-3, atol=1e-6)
