"""`K.function`: from tensors to something that is called with arrays; and the ways to look at single values."""

import threading

import numpy as np

from . import config, runtime
from .op import OPS, Spec, as_tensor
from .program import NeedsValue, specialise
from .tensor import Constant, Placeholder, Shaped, Tensor, Update, compatible, is_sparse, show
from .variable import Variable

CACHED_SHAPES = 32  # linked programs that a function keeps, one a set of input shapes


class Function:
    """Computes `outputs` from `inputs` and executes `updates`; all reads see the values from before the call.

    inputs: tensors to be fed (any tensor, not placeholders only; the learning phase may be among them).
    outputs: tensors. updates: `Update` tensors or (variable, new value) pairs.
    Call with a list of arrays, one for each input: returns a list of NumPy arrays. Programs are compiled at the first
    call with new input shapes, for the active backend.
    """

    def __init__(self, inputs, outputs, updates=None, name=None, **kwargs):
        if kwargs:
            raise ValueError(f"K.function: unknown arguments {sorted(kwargs)}. Fetches, feeds and run options belonged "
                             "to TensorFlow sessions: give further tensors as outputs, further values as inputs.")
        inputs = [] if inputs is None else list(inputs)
        self.sparse_at = {i: t for i, t in enumerate(inputs) if is_sparse(t)}
        self.arguments = len(inputs)
        inputs = [p for t in inputs for p in (t.parts() if is_sparse(t) else [t])]
        self.phase_at = next((i for i, t in enumerate(inputs) if is_learning_phase(t)), None)
        self.fed = [t for i, t in enumerate(inputs) if i != self.phase_at]
        self.inputs, self.name = inputs, name or "K.function"
        self.outputs = [dense(t) for t in ([outputs] if isinstance(outputs, Tensor) else outputs or [])]
        self.updates = as_updates(updates)
        for tensor in self.fed:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{self.name}: inputs are tensors, got {tensor!r}.")
        self.dtypes = [t.dtype for t in self.fed]
        self._linked, self._epoch = {}, None
        self._by_value = ()  # positions of inputs whose values decide shapes
        self._lock = threading.RLock()

    def __call__(self, inputs=()):
        """inputs: a list of arrays. Returns a list of NumPy arrays."""
        return to_arrays(self.run(inputs))

    def run(self, inputs=()):
        """The same, but returns the backend's own arrays, without waiting for the device."""
        phase = 0
        if len(inputs) != self.arguments:
            raise ValueError(f"{self.name}: {self.arguments} inputs expected, got {len(inputs)}.")
        if self.sparse_at:
            sparse = self.sparse_at
            inputs = [a for i, v in enumerate(inputs) for a in (sparse[i].arrays(v) if i in sparse else [v])]
        if self.phase_at is not None:
            phase = int(inputs[self.phase_at])
            inputs = [*inputs[: self.phase_at], *inputs[self.phase_at + 1 :]]
        return self.compute(inputs, phase)

    def compute(self, inputs, phase):
        """`run` with the learning phase by itself, an int, and sparse matrices as their parts."""
        backend = runtime.active()
        if self._epoch != (runtime.Active.epoch, config.optimize()):
            self._forget()
        arrays = [*map(backend.from_feed, inputs, self.dtypes)]
        key = (phase, *[tuple(a.shape) for a in arrays])
        if self._by_value:
            key += tuple(self._host(backend, arrays, i).tobytes() for i in self._by_value)
        linked = self._linked.get(key)
        if linked is None:
            linked = self._link(backend, key, phase, arrays)
        try:
            return linked(arrays)
        except Exception as error:
            _add_place(error)
            raise

    def program(self, *shapes, phase=0, backend=None):
        """The Program for these input shapes (default: the static ones, 1 for None), to be printed or studied."""
        specs = [Spec(tuple(shapes[i]) if i < len(shapes) else tuple(n or 1 for n in t.shape), t.dtype)
                 for i, t in enumerate(self.fed)]  # fmt: skip
        backend = runtime.active() if backend is None else runtime.load(backend)
        return specialise(self.fed, specs, self.outputs, self.updates, backend, phase)

    def _forget(self):
        with self._lock:
            self._linked.clear()
            self._by_value = ()
            self._epoch = (runtime.Active.epoch, config.optimize())

    def _host(self, backend, arrays, i):
        value, dtype = np.asarray(backend.to_numpy(arrays[i])), self.dtypes[i]
        return value.astype(dtype) if value.dtype.kind in "bui" and dtype.startswith("float") else value

    def _link(self, backend, key, phase, arrays):
        with self._lock:
            if key in self._linked:
                return self._linked[key]
            for tensor, array in zip(self.fed, arrays, strict=True):
                if not compatible(tensor.shape, array.shape):
                    raise ValueError(f'{self.name}: input "{tensor.name}" expects {show(tensor)}, got an array of '
                                     f"shape {list(array.shape)}.")
            specs = [Spec(tuple(a.shape), d) for a, d in zip(arrays, self.dtypes, strict=True)]
            known = {i: self._host(backend, arrays, i) for i in self._by_value}
            try:
                program = specialise(self.fed, specs, self.outputs, self.updates, backend, phase, known)
            except NeedsValue as needs:
                self._by_value = tuple(sorted({*self._by_value, *needs.positions}))
                self._linked.clear()
                key = key[: 1 + len(arrays)] + tuple(self._host(backend, arrays, i).tobytes() for i in self._by_value)
                return self._link(backend, key, phase, arrays)
            linked = backend.link(program)
            if self._epoch[0] != runtime.Active.epoch:
                # Linking moved variables to other memory: what was linked before is stale, this is not.
                self._forget()
            self._linked[key] = linked
            if len(self._linked) > CACHED_SHAPES:
                del self._linked[next(iter(self._linked))]
            return linked


def _add_place(error):
    """Note at an error that a kernel raised at which op, in which layer, and on what."""
    trace = error.__traceback__
    while trace is not None:
        frame, trace, line = trace.tb_frame, trace.tb_next, trace.tb_lineno
        step = frame.f_globals["run"].at.get(line - 2) if frame.f_code.co_filename == "<minikeras program>" else None
        if step is not None:
            error.add_note(f"K.{step.op.name} in {step.scope}: {', '.join(map(show, step.inputs))}")


def dense(output):
    """An output as a tensor; sparse ones become dense."""
    return as_tensor(output.dense() if is_sparse(output) else output)


def is_learning_phase(tensor):
    """Whether this is the placeholder of the learning phase."""
    return isinstance(tensor, Placeholder) and tensor.default == "phase"


def as_updates(updates):
    """Update tensors from Update tensors and (variable, new value) pairs; other tensors are only evaluated."""
    found = []
    for update in updates or ():
        if isinstance(update, (tuple, list)):
            variable, new = update
            update = Update(variable, cast_like(as_tensor(new, variable.dtype), variable))
        if not isinstance(update, Update):
            raise TypeError(f"updates: expected K.update(...) or (variable, new value), got {update!r}.")
        found.append(update)
    return found


def cast_like(tensor, variable):
    """The tensor in the variable's dtype. Raises ValueError when it cannot have the variable's shape."""
    if not compatible(tensor.shape, variable.shape):
        raise ValueError(f'K.update: variable "{variable.name}" {show(variable)} cannot take a value {show(tensor)}.')
    return tensor if tensor.dtype == variable.dtype else OPS["cast"](tensor, variable.dtype)


def function(inputs, outputs, updates=None, **kwargs):
    """A callable that computes `outputs` from `inputs` and executes `updates`.

    inputs: list of placeholders (or any tensors to be fed). outputs: list of tensors. updates: list of K.update(...) or
    (variable, tensor) pairs; they see, as the outputs do, the values from before the call.
    Returns a `Function`: call it with a list of arrays to get a list of NumPy arrays.
    """
    return Function(inputs, outputs, updates, **kwargs)


# ---- looking at values ----------------------------------------------------------------------------------------------


def eval(x):  # noqa: A001
    """The value of a tensor that depends on no placeholder, as a NumPy array. Executes it if it is an update."""
    if isinstance(x, Variable):
        return x.numpy()
    if not isinstance(x, Shaped):
        return np.asarray(x)
    return Function([], [x], name="K.eval")([])[0]


def evaluate_on_host(tensor, dtype):
    """The value of a tensor, computed by the NumPy kernels whatever the backend: initial weights are drawn so."""
    if isinstance(tensor, Constant):
        return np.array(tensor.value, dtype=None if dtype == "bfloat16" else dtype)
    numpy = runtime.load("numpy")
    program = specialise([], [], [tensor], [], numpy, level=0)
    return np.array(numpy.run_once(program)[0], dtype=dtype)


def to_arrays(results):
    """The results of `Function.run` as NumPy arrays; on NumPy they are copied, as one may be there twice."""
    return [*map(runtime.active().to_numpy, results)]


def to_numpy(value):
    """One of the arrays that `Function.run` returns, as a NumPy array (waits for the device)."""
    return value if isinstance(value, (np.ndarray, np.generic)) else runtime.active().to_numpy(value)


def get_value(x):
    """The value of a variable (or of any tensor without placeholders) as a NumPy array."""
    return eval(x)


def set_value(x, value):
    """Stores an array (or number) of the variable's shape. Raises ValueError when the shape differs."""
    if not isinstance(x, Variable) and not is_sparse(x):
        raise TypeError(f"K.set_value: expected a variable, got {x!r}.")
    return x.assign(value)


def batch_get_value(ops):
    """The values of a list of variables or tensors, as NumPy arrays."""
    if all(isinstance(x, Variable) for x in ops):
        return [x.numpy() for x in ops]
    return Function([], list(ops))([])


def batch_set_value(tuples):
    """Stores values. tuples: (variable, array) pairs. All shapes are checked before anything is stored."""
    tuples = list(tuples)
    for x, value in tuples:
        if tuple(np.shape(value)) != tuple(x.shape):
            raise ValueError(f'K.batch_set_value: variable "{x.name}" has shape {list(x.shape)}, the value '
                             f"{list(np.shape(value))}.")
    for x, value in tuples:
        set_value(x, value)


def _array(self, dtype=None, copy=None):
    try:
        value = eval(self)
    except ValueError as error:
        raise TypeError(f"{self!r} has no value yet that NumPy could work with. In layers, losses and metrics use the "
                        f"functions of minikeras.backend, or K.native for your own. ({error})") from error  # fmt: skip
    return np.asarray(value, dtype=dtype)


# Only tensors that can be computed without feeding have numbers; the others say which placeholder is missing.
Shaped.eval = lambda self: eval(self)
Tensor.__array__, Tensor.numpy = _array, Tensor.eval
Tensor.__float__ = lambda self: float(eval(self))
Tensor.__int__ = lambda self: int(eval(self))
