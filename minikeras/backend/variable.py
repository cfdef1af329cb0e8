"""Variables: leaves of the graph that own a value, in the arrays of the backend that used them last."""

import numpy as np

from . import runtime
from .tensor import Tensor, dtype_name, scoped_name


class Variable(Tensor):
    """A tensor with a value that updates change.

    The value starts as a host array or as an expression of the graph (an initializer's), which is drawn on the host at
    first use. It moves to the active backend when a program needs it there.
    """

    home = None  # the backend whose array `_native` is; None: the host's
    run = None  # with what others the value is kept, if it is: a grouping.Run, or on JAX a State

    def __init__(self, value, dtype=None, name=None, constraint=None):
        if isinstance(value, Tensor):
            dtype = dtype_name(dtype or value.dtype)
            if None in value.shape:
                raise ValueError(f"K.variable: the shape of the initial value is not known: {value!r}.")
            shape, self._initial, self._held = value.shape, value, None
        else:
            dtype = dtype_name(dtype)  # numbers and arrays of any kind become floatx by default, as in Keras
            if dtype == "bfloat16":
                raise ValueError("K.variable: a bfloat16 variable needs a tensor as its value; use K.cast.")
            host = np.array(value, dtype=dtype)
            shape, self._initial, self._held = host.shape, None, host
        super().__init__(shape, dtype, scoped_name(name or "variable") + ":0")
        self.constraint = constraint
        self.trainable = True

    def __getstate__(self):
        """For copies and pickles: with the value as a NumPy array of its own."""
        return {**self.__dict__, "_held": self.numpy(), "_initial": None, "home": None, "run": None}

    @property
    def _native(self):
        """The array as `home` has it; None before the value was drawn."""
        return self._held if self._held is not None or self.run is None else self.run.part(self)

    @_native.setter
    def _native(self, value):
        if self._held is None and self.run is not None:
            self.run.put(self, value)
        else:
            self._held = value

    def native(self):
        """The value as an array of the active backend."""
        backend = runtime.active()
        if self.home is not backend:
            self._held, self.run, self.home = backend.to_native(self.numpy()), None, backend
        return self._native

    def numpy(self):
        """A copy of the value as a NumPy array."""
        if self._native is None:
            self._draw()
        return np.array(self._native if self.home is None else self.home.to_numpy(self._native))

    def _draw(self):
        from .function import evaluate_on_host

        initial, self._initial = self._initial, None
        try:
            self._native = evaluate_on_host(initial, self.dtype)
        except BaseException:
            self._initial = initial
            raise

    def assign(self, value):
        """Stores a new value of the same shape; it is copied. Raises ValueError when the shape differs."""
        value = np.asarray(value)
        if value.shape != self.shape:
            raise ValueError(f'K.set_value: variable "{self.name}" has shape {list(self.shape)}, the value has '
                             f"{list(value.shape)}.")
        value = np.array(value, dtype=self.dtype)
        if self.home is None:
            self._native, self._initial = value, None
        else:
            self._native = self.home.assign(self._native, value)

