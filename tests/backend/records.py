"""What a record about an op is, and what every record is put to."""

import inspect

import numpy as np

from minikeras import backend as K
from minikeras.backend.tensor import is_float


class Case:
    """One record: a function of K with inputs and arguments, and what is expected of it.

    inputs: shapes (random numbers are drawn) or arrays. low, high: the range of what is drawn.
    reference: the same function of float64 arrays by NumPy or SciPy, called with the same arguments.
    gradient, second: whether it has (second) derivatives that finite differences can check.
    edges: whether sizes may be replaced by 1 and 0, everywhere alike. index: which of several outputs is meant.
    """

    def __init__(self, function, inputs, low, high, reference, gradient, second, edges, index, name, kwargs):
        self.function, self.inputs, self.low, self.high, self.reference = function, inputs, low, high, reference
        self.gradient, self.second, self.edges, self.index, self.kwargs = (
            gradient,
            second and gradient,
            edges,
            index,
            kwargs,
        )
        self.name = name or getattr(function, "__name__", "case")

    def __str__(self):
        shapes = "-".join(
            "x".join(map(str, i if isinstance(i, tuple) else np.shape(i))) or "scalar" for i in self.inputs
        )
        options = "-".join(f"{k}={v}" for k, v in self.kwargs.items() if not callable(v))
        return "-".join(filter(None, [self.name, shapes, options])).replace(" ", "")

    def arrays(self, dtype="float64", replace=None):
        """The inputs as arrays; replace: (size, new size) everywhere."""
        rng = np.random.default_rng(7)
        made = []
        for item in self.inputs:
            if isinstance(item, tuple):
                shape = tuple(replace[1] if replace and n == replace[0] else n for n in item)
                low = -2.0 if self.low is None else self.low
                high = 2.0 if self.high is None else self.high
                made.append(rng.uniform(low, high, shape).astype(dtype))
            else:
                array = np.asarray(item)
                made.append(array.astype(dtype) if array.dtype.kind == "f" else array)
        return made

    def placeholders(self, arrays, unknown=False):
        """Placeholders for the arrays; unknown: with no sizes."""
        return [K.placeholder(shape=(None,) * a.ndim if unknown else a.shape, dtype=a.dtype.name) for a in arrays]

    def output(self, tensors):
        """The output tensor of the function."""
        result = self.function(*tensors, **self.kwargs)
        return result[self.index] if isinstance(result, (list, tuple)) else result

    def sizes(self):
        """The sizes that can be replaced."""
        return sorted({n for i in self.inputs if isinstance(i, tuple) for n in i if n > 1})


def case(
    function,
    *inputs,
    low=None,
    high=None,
    reference=None,
    gradient=True,
    second=True,
    edges=True,
    index=0,
    name=None,
    **kwargs,
):
    """A record; see Case. Further keywords are arguments of the function."""
    return Case(function, inputs, low, high, reference, gradient, second, edges, index, name, kwargs)


def ints(high, *shape):
    """Integers from 0 up to, without, `high`."""
    return np.random.default_rng(3).integers(0, high, shape).astype("int32")


def weighted(case, tensors, unknown=False):
    """A scalar: the sum of the output with fixed random weights, so that every element counts differently."""
    out = case.output(tensors)
    return out, weighted_sum(out)


def weighted_sum(out):
    """sum(R * out), R made on the host in the shape of out, which need not be known."""
    flat = K.flatten(out)
    places = K.cast(K.arange(K.shape(flat)[0]), out.dtype)
    return K.sum(flat * (K.sin(places * 1.7 + 0.5) + 0.3))


def finite_differences(function, arrays, which, eps=1e-6):
    """Central differences of a scalar function of arrays with respect to array `which`."""
    array = arrays[which]
    slope = np.zeros_like(array)
    flat, out = array.reshape(-1), slope.reshape(-1)
    for i in range(flat.size):
        kept = flat[i]
        flat[i] = kept + eps
        high = function(arrays)
        flat[i] = kept - eps
        low = function(arrays)
        flat[i] = kept
        out[i] = (high - low) / (2 * eps)
    return slope


def differentiable(case, arrays):
    """Positions of the inputs that have gradients."""
    return [i for i, a in enumerate(arrays) if is_float(a.dtype.name)]


def accepts(function, name):
    """Whether a function has a parameter of that name."""
    return name in inspect.signature(function).parameters
