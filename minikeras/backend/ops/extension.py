"""The way out: a function of the user's, of the engine's own arrays, in the graph."""

from ..op import DType, Spec, Tensors, op


def _native_arguments(function, inputs, shape, dtype=None, gradient=None):
    return inputs, function, shape if callable(shape) else tuple(shape), dtype, gradient


@op(fold=False, prepare=_native_arguments)
def native(inputs: Tensors, function: object, shape: object, dtype: DType, gradient: object):
    """The result of `function(*arrays)`, called with the arrays of the active backend when the program runs.

    function: takes and returns native arrays (NumPy arrays, traced JAX arrays, torch tensors); a model that uses it
    runs on the backends that it knows. It may be called any number of times.
    inputs: list of tensors. shape: that of the result; None stands for the size of the same axis of the first input; or
    a function of the inputs' shapes. dtype: floatx by default.
    gradient: None (there is none), or a function (g, y, *inputs) of tensors -> a list with a tensor or None for each
    input, written with K.
    """
    if callable(shape):
        return Spec(tuple(shape(*(x.shape for x in inputs))), dtype)
    first = inputs[0].shape if inputs else ()
    return Spec(tuple(first[i] if n is None else n for i, n in enumerate(shape)), dtype)


@native.gradient
def _native_gradient(g, y, inputs, function, shape, dtype, gradient):
    return gradient(g, y, *inputs) if gradient else (None,) * len(inputs)
