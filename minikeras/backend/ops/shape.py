"""Shapes: what does not change the elements but where they stand; types."""

import math

import numpy as np

from .. import config
from ..op import OPS, Axis, DType, Host, Kind, NewAxis, Spec, as_tensor, like, one_axis, op
from ..tensor import Constant, Tensor, dtype_name

# ---- shape as data ---------------------------------------------------------------------------------------------------


@op(host=lambda x: np.array(x.shape, dtype="int32"))
def shape(x: Tensor):
    """The shape as an int32 tensor [ndim]. It is known when a program is specialised, and folded there."""
    return Spec((x.ndim,), "int32")


@op(host=lambda x: np.array(x.size, dtype="int32"), prepare=lambda x, name=None: (x,))
def size(x: Tensor):
    """The number of elements, an int32 scalar."""
    return Spec((), "int32")


def int_shape(x):
    """The static shape as a tuple, None for unknown sizes."""
    if getattr(x, "_keras_shape", None) is not None:
        return x._keras_shape
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x):
    """The number of axes."""
    return len(x.shape)


def dtype(x):
    """The dtype, as a string."""
    return x.dtype if isinstance(x.dtype, str) else dtype_name(x.dtype)


def count_params(x):
    """The number of elements of a tensor whose shape is known, an int."""
    return int(math.prod(int_shape(x)))


# ---- types -----------------------------------------------------------------------------------------------------------


@op(gradient=[lambda g, y, x, dtype: cast(g, x.dtype)])
def cast(x: Tensor, dtype: DType):
    """x in another dtype. Floats become integers by cutting off; nonzero becomes true."""
    return Spec(x.shape, dtype)


cast.rewrite(lambda emit, x, dtype: x if x.dtype == dtype else None)


def cast_to_floatx(x):
    """x in the default float type: a tensor for a tensor, else a NumPy array."""
    return cast(x, config.floatx()) if isinstance(x, Tensor) else np.asarray(x, dtype=config.floatx())


# An order of all axes, non-negative.
Order = Kind(lambda axes, x: tuple(one_axis(i, x.ndim) for i in axes))

# ---- another shape ---------------------------------------------------------------------------------------------------


@op
def reshape(x: Tensor, shape: Host):
    """x with another shape. shape: a tuple (one -1 stands for the rest; tensors are allowed), or an int32 tensor."""
    if isinstance(shape, Tensor):
        return Spec(static(shape), x.dtype)
    wanted = shape if isinstance(shape, tuple) else (shape,)
    return Spec(_reshaped(x, tuple(-1 if n is None else n for n in wanted)), x.dtype)


def partly_known(integers):
    """Integers for the host; of a tensor with one axis the elements that are constants or known sizes, else None."""
    if not isinstance(integers, Tensor):
        return integers
    if integers.shape[0] is None:
        raise ValueError("the number of axes must be known when the graph is built.")
    made = integers.owner
    if made is not None and made.op.name == "stack":
        return tuple(int(t.value) if isinstance(t, Constant) else None for t in made.args[0])
    return made.args[0].shape if made is not None and made.op.name == "shape" else (None,) * integers.shape[0]


def static(shape):
    """A shape, or what is known of it where it is a tensor."""
    return tuple(None if n is None or n < 0 else n for n in partly_known(shape))


def _reshaped(x, wanted):
    rest = [n for n in wanted if n != -1]
    missing, known = len(wanted) - len(rest), math.prod(rest)
    if missing > 1 or None in x.shape:  # several unknown sizes can only be those of x itself
        return tuple(None if n == -1 else n for n in wanted)
    total = math.prod(x.shape)
    if known == total == 0:
        return tuple(0 if n == -1 else n for n in wanted)
    if not known or total % known or (not missing and known != total):
        raise ValueError(f"{total} elements cannot take the shape {list(wanted)}.")
    return tuple(total // known if n == -1 else n for n in wanted)


reshape.gradient(lambda g, y, x, _: reshape_like(g, x))


def reshape_like(x, y):
    """x in the shape of y."""
    return reshape(x, shape_of(y))


@reshape.rewrite
def _reshape_once(emit, x, shape):
    # The kernels get the sizes in full; a reshape of a reshape is one.
    wanted = shape if isinstance(shape, tuple) else (shape,)
    full = _reshaped(x, wanted)
    if x.shape == full:
        return x
    if x.op_name == "reshape":
        return emit(reshape, x.source.args[0], full)
    if x.op_name == "broadcast_to" and x.source.args[0].size == 1:
        return emit(broadcast_to, emit(reshape, x.source.args[0], ()), full)
    return emit(reshape, x, full) if full != shape else None


@op(gradient=[lambda g, y, x, pattern: permute_dimensions(g, np.argsort(pattern))])
def permute_dimensions(x: Tensor, pattern: Order):
    """x with its axes in the order `pattern`."""
    if sorted(pattern) != list(range(x.ndim)):
        raise ValueError(f"pattern {pattern} is not an order of the {x.ndim} axes.")
    return Spec(tuple(x.shape[i] for i in pattern), x.dtype)


@permute_dimensions.rewrite
def _permute_once(emit, x, pattern):
    if pattern == tuple(range(x.ndim)):
        return x
    if x.op_name == "permute_dimensions":
        inner, first = x.source.args
        return emit(permute_dimensions, inner, tuple(first[i] for i in pattern))
    return None


def transpose(x):
    """x with its axes in reverse order."""
    x = as_tensor(x)
    return permute_dimensions(x, tuple(range(x.ndim))[::-1])


@op(gradient=[lambda g, y, x, axis: squeeze(g, axis)])
def expand_dims(x: Tensor, axis: NewAxis = -1):
    """x with a new axis of size 1 at `axis`."""
    return Spec((*x.shape[:axis], 1, *x.shape[axis:]), x.dtype)


@op(gradient=[lambda g, y, x, axis: expand_dims(g, axis)])
def squeeze(x: Tensor, axis: Axis):
    """x without the axis `axis`, which has size 1."""
    if x.shape[axis] not in (1, None):
        raise ValueError(f"axis {axis} has size {x.shape[axis]}, only one of size 1 can go.")
    return Spec(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)


# At run time these are reshapes: one kernel, and chains of them are one step.
expand_dims.meaning(lambda emit, x, axis: emit(reshape, x, (*x.shape[:axis], 1, *x.shape[axis:])))
squeeze.meaning(lambda emit, x, axis: emit(reshape, x, x.shape[:axis] + x.shape[axis + 1 :]))


def flatten(x):
    """x with one axis."""
    return reshape(x, (-1,))


def batch_flatten(x):
    """x with two axes: the first one, and all the others as one."""
    x = as_tensor(x)
    return merge_axes(x, [range(1), range(1, x.ndim)])


def shape_of(x):
    """The shape of x: as a tuple if it is known, else as a tensor."""
    return shape(x) if None in x.shape else x.shape


def sizes_of(x, axes=None):
    """Sizes of x along `axes` (all by default), a list: ints where they are known, else tensors."""
    axes = range(x.ndim) if axes is None else axes
    sizes = shape(x) if any(x.shape[i] is None for i in axes) else x.shape
    return [sizes[i] if x.shape[i] is None else x.shape[i] for i in axes]


def merge_axes(x, groups):
    """x with each group of neighbouring axes as one axis."""
    wanted = [math.prod(sizes_of(x, group)) for group in groups]
    unknown = [i for i, n in enumerate(wanted) if isinstance(n, Tensor)]
    # One unknown size is what the others leave, unless they leave nothing to divide.
    if len(unknown) == 1 and 0 not in wanted:
        wanted[unknown[0]] = -1
    return reshape(x, wanted)


# ---- broadcasting ----------------------------------------------------------------------------------------------------


@op
def broadcast_like(x: Tensor, y: Tensor):
    """x broadcast to the shape of y."""
    return Spec(y.shape, x.dtype)


@op(fold=False)
def broadcast_to(x: Tensor, shape: Host):
    """x broadcast to `shape`."""
    return Spec(static(shape), x.dtype)


broadcast_like.gradient(lambda g, z, x, y: OPS["sum_to"](g, x))
broadcast_to.gradient(lambda g, y, x, _: OPS["sum_to"](g, x))


broadcast_like.meaning(lambda emit, x, y: x if x.shape == y.shape else emit(broadcast_to, x, y.shape))


@broadcast_to.rewrite
def _to_itself(emit, x, shape):
    if x.shape == shape:
        return x
    one_number = x.kind == "constant" and x.size == 1 and x.ndim
    return emit(broadcast_to, emit(reshape, x, ()), shape) if one_number else None


# ---- the same value -------------------------------------------------------------------------------------------------


@op(spec=like, gradient=[lambda g, y, x: g], prepare=lambda x, name=None: (x,))
def identity(x: Tensor):
    """A tensor of the same value."""


@op(spec=like)
def _stop_gradient(x: Tensor):
    """`stop_gradient` of one tensor."""


identity.meaning(lambda emit, x: x)
_stop_gradient.meaning(lambda emit, x: x)


def stop_gradient(variables):
    """The same value, but K.gradients sees a constant. variables: a tensor or a list of them."""
    if isinstance(variables, (list, tuple)):
        return [_stop_gradient(v) for v in variables]
    return _stop_gradient(variables)
