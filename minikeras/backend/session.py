"""What a script does around its graph: making leaves, asking what a tensor is, updates, learning phase, names.

TensorFlow kept these in a session and its graph. Here there is no session: variables own their values.
"""

import collections
import functools
import itertools

import numpy as np

from .function import cast_like
from .op import as_tensor
from .ops.sparse import sparse_placeholder, sparse_variable
from .tensor import Constant, Placeholder, Shaped, Tensor, Update, building, dtype_name, is_sparse, scoped_name
from .variable import Variable


class _State:
    """The learning phase (a placeholder, or the int that was set), and the counters behind unique names."""

    phase = None
    uids = collections.defaultdict(functools.partial(itertools.count, 1))


# ---- leaves --------------------------------------------------------------------------------------------------------


def placeholder(shape=None, ndim=None, dtype=None, sparse=False, name=None):
    """A tensor that is fed when a function is called.

    shape: a tuple, None for sizes that are not known yet; or `ndim`: the number of axes, all of unknown size.
    dtype: floatx by default. Raises ValueError when neither shape nor ndim is given.
    """
    if shape is None and ndim is None:
        raise ValueError("K.placeholder: give a shape (a tuple, None for unknown sizes) or the number of axes, ndim.")
    if sparse:
        return sparse_placeholder(shape, ndim, dtype, name)
    shape = (None,) * ndim if shape is None else tuple(None if n is None else int(n) for n in shape)
    made = Placeholder(shape, dtype_name(dtype), scoped_name(name or "placeholder") + ":0")
    made._keras_shape = shape
    return made


def variable(value, dtype=None, name=None, constraint=None):
    """A variable: a tensor with a value that updates change.

    value: array, number, or a tensor without placeholders (drawn on the host, at first use). dtype: floatx by
    default, that of the tensor for a tensor. constraint: a function of the variable, applied by optimizers.
    """
    if hasattr(value, "tocoo"):  # SciPy's sparse matrices
        return sparse_variable(value, dtype, name)
    made = Variable(value, dtype, name, constraint)
    made._keras_shape = made.shape
    return made


def constant(value, dtype=None, shape=None, name=None):
    """A tensor with a fixed value. dtype: floatx by default.

    shape: the value is brought to it; where it has too few elements the last one is repeated.
    Raises ValueError when the value has too many elements for the shape.
    """
    dtype = dtype_name(dtype)
    if isinstance(value, Tensor):
        raise TypeError(f"K.constant: expected numbers, got {value!r}. A tensor can be used as it is.")
    array = np.array(value, dtype="float32" if dtype == "bfloat16" else dtype)
    if shape is not None:
        array = _filled_up(array, tuple(int(n) for n in shape))
    if dtype == "bfloat16":
        return as_tensor(array, dtype)
    made = Constant(array, scoped_name(name or "constant") + ":0")
    made._keras_shape = array.shape
    return made


def _filled_up(array, shape):
    wanted = int(np.prod(shape, dtype=np.int64))
    if array.size > wanted or array.size == 0 < wanted:
        raise ValueError(f"K.constant: {array.size} elements do not fit the shape {list(shape)}.")
    flat = array.reshape(-1)
    return np.concatenate([flat, np.repeat(flat[-1:], wanted - flat.size)]).reshape(shape)


# ---- questions -----------------------------------------------------------------------------------------------------


def is_tensor(x):
    """Whether x is a tensor of the graph (a variable, placeholder or constant is one too)."""
    return isinstance(x, Shaped)


def is_variable(x):
    """Whether x is a variable."""
    return isinstance(x, Variable)


def is_placeholder(x):
    """Whether x is a placeholder."""
    return isinstance(x.values if is_sparse(x) else x, Placeholder)


def is_keras_tensor(x):
    """Whether x came out of a layer (`Input` included). Raises ValueError when it is no tensor at all."""
    if not is_tensor(x):
        raise ValueError(f"K.is_keras_tensor: expected a tensor, got {type(x).__name__}: {x!r}.")
    return hasattr(x, "_keras_history")


# ---- updates -------------------------------------------------------------------------------------------------------


def update(x, new_x):
    """Stores `new_x` in the variable x, when evaluated or given to K.function as an update. Returns an `Update`."""
    _need_variable("update", x)
    return Update(x, cast_like(as_tensor(new_x, x.dtype), x))


def update_add(x, increment):
    """Adds `increment` to the variable x, as `update` does. Several increments of one variable in one call add up."""
    _need_variable("update_add", x)
    return _change(x, x + increment, increment)


def update_sub(x, decrement):
    """Subtracts `decrement` from the variable x, as `update` does."""
    _need_variable("update_sub", x)
    return _change(x, x - decrement, decrement)


def moving_average_update(x, value, momentum):
    """Moves the variable x towards `value`: x * momentum + value * (1 - momentum)."""
    _need_variable("moving_average_update", x)
    step = (x - as_tensor(value, x.dtype)) * (1.0 - momentum)
    return _change(x, x - step, step)


def _change(x, new_value, delta):
    return Update(x, cast_like(new_value, x), delta=delta)


def _need_variable(name, x):
    if not isinstance(x, Variable):
        raise TypeError(f"K.{name}: expected a variable (K.variable), got {x!r}.")


class control_dependencies:
    """Context manager: what is built inside runs after the updates, and reads the new values of their variables.

    control_inputs: a list of `Update` tensors; other tensors and None are accepted and change nothing.
    """

    def __init__(self, control_inputs):
        inputs = control_inputs if isinstance(control_inputs, (list, tuple)) else [control_inputs]
        self.updates = tuple(u for u in inputs if isinstance(u, Update))

    def __enter__(self):
        self.outer = building.control
        building.control = self.outer + self.updates

    def __exit__(self, *error):
        building.control = self.outer


# ---- learning phase ------------------------------------------------------------------------------------------------


def learning_phase():
    """Whether the graph runs for training: a scalar placeholder (0 test, 1 train; 0 where it is not fed), or the int
    that was given to `set_learning_phase`."""
    if _State.phase is None:
        made = _State.phase = Placeholder((), "int32", "keras_learning_phase:0", default="phase")
        made._uses_learning_phase = True
    return _State.phase


def set_learning_phase(value):
    """Fixes the learning phase for all that is built from now on. value: 0 (test) or 1 (train), else ValueError."""
    if value not in (0, 1):
        raise ValueError(f"K.set_learning_phase: expected 0 (test) or 1 (train), got {value!r}.")
    _State.phase = int(value)


# ---- names and the session -----------------------------------------------------------------------------------------


def get_uid(prefix=""):
    """1 at the first call with this prefix, then 2, 3, ... until `reset_uids`: for unique names."""
    return next(_State.uids[prefix])


def reset_uids():
    """Lets `get_uid` begin at 1 again."""
    _State.uids.clear()


def clear_session():
    """Starts afresh: names count from 1 again, and the learning phase is a new placeholder.

    Graphs need no clearing: one that nothing refers to is freed. Those that are still in use go on working.
    """
    reset_uids()
    _State.phase = None


def get_session():
    """There are no sessions. Raises NotImplementedError that says what to use instead."""
    raise NotImplementedError("K.get_session: there are no sessions here. Evaluate with K.eval, K.get_value or "
                              "K.function, and choose the backend with K.set_backend.")


def set_session(session):
    """There are no sessions. Raises NotImplementedError that says what to use instead."""
    raise NotImplementedError("K.set_session: there are no sessions here. Devices and memory are configured with the "
                              "backend's own package (jax.config, torch), the backend is chosen with K.set_backend.")


def manual_variable_initialization(value):
    """Accepted for scripts that call it: variables draw their initial value when they are first used.

    Give them others afterwards, with K.set_value, set_weights or load_weights.
    """


def symbolic(func):
    """The function itself: everything builds graph here."""
    return func


def eager(func):
    """The function itself: it runs as plain Python on whatever it is given."""
    return func
