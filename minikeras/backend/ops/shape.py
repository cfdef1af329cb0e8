"""Shapes: what does not change the elements but where they stand; types."""

import numpy as np

from .. import config
from ..op import Axis, DType, Host, Spec, as_tensor, like, one_axis, op
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
    return int(np.prod(int_shape(x), dtype=np.int64))


# ---- types -----------------------------------------------------------------------------------------------------------


@op
def cast(x: Tensor, dtype: DType):
    """x in another dtype. Floats become integers by cutting off; nonzero becomes true."""
    return Spec(x.shape, dtype)


cast.gradient(lambda g, y, x, dtype: cast(g, x.dtype))


@cast.rewrite
def _same_dtype(emit, x, dtype):
    return x if x.dtype == dtype else None


def cast_to_floatx(x):
    """x in the default float type: a tensor for a tensor, else a NumPy array."""
    return cast(x, config.floatx()) if isinstance(x, Tensor) else np.asarray(x, dtype=config.floatx())


# ---- another shape ---------------------------------------------------------------------------------------------------


@op
def reshape(x: Tensor, shape: Host):
    """x with another shape. shape: a tuple (one -1 stands for the rest; tensors are allowed), or an int32 tensor."""
    if isinstance(shape, Tensor):
        return Spec(_partly_known(shape), x.dtype)
    wanted = shape if isinstance(shape, tuple) else (shape,)
    return Spec(_reshaped(x, tuple(-1 if n is None else n for n in wanted)), x.dtype)


def partly_known(integers):
    """The elements of an integer tensor with one axis, as far as they are constants or known sizes; else None."""
    if integers.shape[0] is None:
        raise ValueError("the number of axes must be known when the graph is built.")
    made = integers.owner
    if made is not None and made.op.name == "stack":
        return tuple(int(t.value) if isinstance(t, Constant) else None for t in made.args[0])
    return made.args[0].shape if made is not None and made.op.name == "shape" else (None,) * integers.shape[0]


def _partly_known(shape):
    """What is known of a shape that is a tensor."""
    return tuple(None if n is None or n < 0 else n for n in partly_known(shape))


def _reshaped(x, wanted):
    rest = [n for n in wanted if n != -1]
    known = int(np.prod(rest, dtype=np.int64))
    if len(rest) == len(wanted):
        if None not in x.shape and known != int(np.prod(x.shape, dtype=np.int64)):
            raise ValueError(f"{int(np.prod(x.shape, dtype=np.int64))} elements cannot take the shape {list(wanted)}.")
        return wanted
    if len(rest) < len(wanted) - 1:
        # Several unknown sizes: they can only be those of x itself.
        return tuple(None if n == -1 else n for n in wanted)
    if None in x.shape:
        return tuple(None if n == -1 else n for n in wanted)
    total = int(np.prod(x.shape, dtype=np.int64))
    if known == 0 and total == 0:
        return tuple(0 if n == -1 else n for n in wanted)
    if known == 0 or total % known:
        raise ValueError(f"{total} elements cannot take the shape {list(wanted)}.")
    return tuple(total // known if n == -1 else n for n in wanted)


reshape.gradient(lambda g, y, x, _: reshape_like(g, x))


def reshape_like(x, y):
    """x in the shape of y."""
    return reshape(x, shape(y) if None in y.shape else y.shape)


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


def _permute_arguments(x, pattern):
    x = as_tensor(x)
    return x, tuple(one_axis(i, x.ndim) for i in pattern)


@op(prepare=_permute_arguments)
def permute_dimensions(x: Tensor, pattern: tuple):
    """x with its axes in the order `pattern`."""
    if sorted(one_axis(i, x.ndim) for i in pattern) != list(range(x.ndim)):
        raise ValueError(f"pattern {pattern} is not an order of the {x.ndim} axes.")
    return Spec(tuple(x.shape[i] for i in pattern), x.dtype)


permute_dimensions.gradient(lambda g, y, x, pattern: permute_dimensions(g, np.argsort(pattern)))


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


class NewAxis:
    """Annotation: where a new axis goes; negative ones count from the end of the result."""

    @staticmethod
    def canonical(value, x):
        return one_axis(value, x.ndim + 1)


@op
def expand_dims(x: Tensor, axis: NewAxis = -1):
    """x with a new axis of size 1 at `axis`."""
    return Spec((*x.shape[:axis], 1, *x.shape[axis:]), x.dtype)


@op
def squeeze(x: Tensor, axis: Axis):
    """x without the axis `axis`, which has size 1."""
    if x.shape[axis] not in (1, None):
        raise ValueError(f"axis {axis} has size {x.shape[axis]}, only one of size 1 can go.")
    return Spec(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)


expand_dims.gradient(lambda g, y, x, axis: squeeze(g, axis))
squeeze.gradient(lambda g, y, x, axis: expand_dims(g, axis))


# At run time these are reshapes: one kernel, and chains of them are one step.
@expand_dims.meaning
def _expand_is_reshape(emit, x, axis):
    return emit(reshape, x, (*x.shape[:axis], 1, *x.shape[axis:]))


@squeeze.meaning
def _squeeze_is_reshape(emit, x, axis):
    return emit(reshape, x, x.shape[:axis] + x.shape[axis + 1 :])


def flatten(x):
    """x with one axis."""
    return reshape(x, (-1,))


def batch_flatten(x):
    """x with two axes: the first one, and all the others as one."""
    x = as_tensor(x)
    return merge_axes(x, [range(1), range(1, x.ndim)])


def sizes_of(x, axes):
    """Sizes of x along `axes`: ints where they are known, else tensors."""
    known = [x.shape[i] for i in axes]
    if None not in known:
        return known
    sizes = shape(x)
    return [sizes[i] if n is None else n for i, n in zip(axes, known, strict=True)]


def merge_axes(x, groups):
    """x with each group of neighbouring axes as one axis."""
    wanted = []
    for group in groups:
        size = 1
        for n in sizes_of(x, group):
            size = n * size
        wanted.append(size)
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
    if isinstance(shape, Tensor):
        return Spec(_partly_known(shape), x.dtype)
    return Spec(shape, x.dtype)


def _summed_back(g, x):
    from .reduction import sum_to

    return sum_to(g, x)


broadcast_like.joint_gradient(lambda g, z, x, y: (_summed_back(g, x), None))
broadcast_to.gradient(lambda g, y, x, _: _summed_back(g, x))


@broadcast_like.meaning
def _to_known_shape(emit, x, y):
    return x if x.shape == y.shape else emit(broadcast_to, x, y.shape)


@broadcast_to.rewrite
def _to_itself(emit, x, shape):
    if x.shape == shape:
        return x
    one_number = x.kind == "constant" and x.size == 1 and x.ndim
    return emit(broadcast_to, emit(reshape, x, ()), shape) if one_number else None


# ---- the same value -------------------------------------------------------------------------------------------------


@op(prepare=lambda x, name=None: (x,))
def identity(x: Tensor):
    """A tensor of the same value."""
    return like(x)


identity.gradient(lambda g, y, x: g)
identity.meaning(lambda emit, x: x)


@op
def _stop_gradient(x: Tensor):
    """`stop_gradient` of one tensor."""
    return like(x)


_stop_gradient.meaning(lambda emit, x: x)


def stop_gradient(variables):
    """The same value, but K.gradients sees a constant. variables: a tensor or a list of them."""
    if isinstance(variables, (list, tuple)):
        return [_stop_gradient(v) for v in variables]
    return _stop_gradient(variables)
