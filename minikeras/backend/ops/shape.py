"""Shapes: what does not change the elements but where they stand; types; making tensors of a shape."""

import builtins
import itertools

import numpy as np

from .. import config
from ..op import Axis, DType, Host, Spec, Tensors, as_tensor, like, one_axis, op, promoted
from ..tensor import Constant, Tensor, dtype_name, is_float, show
from ..variable import Variable

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


def _partly_known(shape):
    """What is known of a shape that is a tensor."""
    if shape.shape[0] is None:
        raise ValueError("the number of axes must be known when the graph is built.")
    made = shape.owner
    if made is not None and made.op.name == "stack":
        sizes = (t.value if isinstance(t, Constant) else None for t in made.args[0])
        return tuple(None if n is None or n < 0 else int(n) for n in sizes)
    return made.args[0].shape if made is not None and made.op.name == "shape" else (None,) * shape.shape[0]


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


# ---- parts -----------------------------------------------------------------------------------------------------------


@op
def getitem(x: Tensor, index: tuple):
    """x[index]. index: an entry for each axis or more: int, (start, stop, step) or None for a new axis."""
    return Spec(_indexed(x.shape, index), x.dtype)


def _indexed(sizes, index):
    result, axis = [], 0
    for entry in index:
        if entry is None:
            result.append(1)
            continue
        n = sizes[axis]
        if isinstance(entry, int):
            if n is not None and not -n <= entry < n:
                raise ValueError(f"index {entry} is out of range for axis {axis} with size {n}.")
        elif entry == (None, None, None) or n is not None:
            result.append(n if n is None else len(range(*slice_of(entry).indices(n))))
        else:
            result.append(None)
        axis += 1
    return tuple(result)


def slice_of(entry):
    """The Python slice of a canonical index entry."""
    return builtins.slice(*entry)


def python_index(index):
    """A canonical index as Python, NumPy, JAX and PyTorch take it."""
    return tuple(slice_of(e) if isinstance(e, tuple) else e for e in index)


@op
def getitem_gradient(g: Tensor, like_x: Tensor, index: tuple):
    """Zeros in the shape of `like_x`, with g at [index]."""
    return Spec(like_x.shape, g.dtype)


getitem.gradient(lambda g, y, x, index: getitem_gradient(g, x, index))
getitem_gradient.joint_gradient(lambda h, y, g, x, index: (getitem(h, index), None))


@op
def put(g: Tensor, shape: Host, index: tuple):
    """Zeros of `shape` with g at [index]; index as for getitem, without new axes and negative steps."""
    return Spec(shape, g.dtype)


put.gradient(lambda h, y, g, shape, index: getitem(h, index))


@getitem_gradient.meaning
def _put(emit, g, x, index):
    if None in index or any(isinstance(e, int) for e in index):
        # New axes go, and axes that an int took come back with size 1, so that ranks agree.
        full = iter(python_index(index))
        sizes, kept = iter(g.shape), []
        for entry in full:
            if entry is None:
                next(sizes)
            else:
                kept.append(1 if isinstance(entry, int) else next(sizes))
        g = emit(reshape, g, tuple(kept))
        index = tuple((e, e + 1 or None, None) if isinstance(e, int) else e for e in index if e is not None)
    flipped = tuple(i for i, e in enumerate(index) if (e[2] or 1) < 0)
    if flipped:
        g = emit(reverse, g, flipped)
        index = tuple(_forward(e, n) for e, n in zip(index, x.shape, strict=True))
    return emit(put, g, x.shape, index)


def _forward(entry, n):
    places = range(*slice_of(entry).indices(n))
    return (
        (places[-1], places[0] + 1, -places.step)
        if places.step < 0 and len(places)
        else (0, 0, 1)
        if not len(places)
        else (places.start, places.stop, places.step)
    )


def index_tensor(x, key):
    """x[key] for the keys of Python: ints, slices, None, Ellipsis, and one int tensor or list (which gathers)."""
    keys = list(key) if isinstance(key, tuple) else [key]
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > x.ndim:
        raise IndexError(f"{x!r} has {x.ndim} axes, the index {key!r} has {used}.")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    fill = [(None, None, None)] * (x.ndim - used)
    keys = [*keys, *fill] if at is None else [*keys[:at], *fill, *keys[at + 1 :]]
    gathered = [(i, k) for i, k in enumerate(keys) if isinstance(k, (Tensor, list, np.ndarray))]
    entries = tuple(
        (None, None, None) if isinstance(k, (Tensor, list, np.ndarray)) else _entry(k, x, key) for k in keys
    )
    if len(gathered) > 1:
        raise NotImplementedError("Indexing with several tensors: use K.gather along one axis after the other.")
    if any(e != (None, None, None) for e in entries):
        x = getitem(x, entries)
    if gathered:
        axis = sum(not isinstance(e, int) for e in entries[: gathered[0][0]])
        x = take(x, gathered[0][1], axis)
    return x


def _entry(k, x, key):
    if k is None or isinstance(k, tuple):
        return k
    if isinstance(k, builtins.slice):
        parts = (k.start, k.stop, k.step)
        if any(isinstance(p, Tensor) for p in parts):
            parts = tuple(_known_int(p) for p in parts)
        return tuple(None if p is None else int(p) for p in parts)
    if isinstance(k, (int, np.integer)):
        return int(k)
    raise TypeError(f"{x!r} cannot be indexed with {key!r}: use ints, slices, None, ... and integer tensors.")


def _known_int(part):
    if not isinstance(part, Tensor):
        return part
    try:
        return int(part)
    except ValueError:
        raise NotImplementedError(
            "A slice whose limits depend on fed values: use K.slice, which takes tensors as start and size."
        ) from None


@op
def take(x: Tensor, indices: Tensor, axis: Axis = 0):
    """The slices of x along `axis` at integer `indices` (of any shape, which takes the place of the axis)."""
    return Spec(x.shape[:axis] + indices.shape + x.shape[axis + 1 :], x.dtype)


@op
def scatter_add(updates: Tensor, indices: Tensor, like_x: Tensor, axis: int):
    """Zeros in the shape of `like_x`, with each slice of `updates` added along `axis` at its index. Undoes `take`."""
    return Spec(like_x.shape, updates.dtype)


take.gradient(lambda g, y, x, indices, axis: scatter_add(g, indices, x, axis))
scatter_add.joint_gradient(lambda h, y, g, indices, x, axis: (take(h, indices, axis), None, None))


def gather(reference, indices):
    """The rows of `reference` at integer `indices`: [..., *reference.shape[1:]]. Gradients of a row add up."""
    indices = as_tensor(indices)
    return take(reference, cast(indices, "int32") if is_float(indices.dtype) else indices, 0)


def slice(x, start, size):  # noqa: A001
    """The part of x that begins at `start` and has `size`; a size of -1 is all the rest.

    start, size: an int for each axis (lists, or integer tensors).
    """
    x = as_tensor(x)
    if isinstance(start, Tensor) or isinstance(size, Tensor):
        return dynamic_slice(x, start, size)
    if len(start) != x.ndim or len(size) != x.ndim:
        raise ValueError(f"K.slice: {show(x)} needs a start and a size for each axis, got {start} and {size}.")
    if any(isinstance(v, Tensor) for v in (*start, *size)):
        return dynamic_slice(x, start, size)
    return getitem(
        x, tuple((int(a), None if n == -1 else int(a) + int(n), None) for a, n in zip(start, size, strict=True))
    )


@op
def dynamic_slice(x: Tensor, start: Host, size: Host):
    """`slice` with limits that are known when the program is specialised."""
    if isinstance(start, Tensor) or isinstance(size, Tensor):
        known = size if isinstance(size, tuple) else (None,) * x.ndim
        return Spec(tuple(None if n in (None, -1) else n for n in known), x.dtype)
    return Spec(_indexed(x.shape, _limits(start, size)), x.dtype)


def _limits(start, size):
    return tuple((a, None if n == -1 else a + n, None) for a, n in zip(start, size, strict=True))


def _dynamic_slice_gradient(g, y, x, start, size):
    return dynamic_put(g, x, start, size)


@op
def dynamic_put(g: Tensor, like_x: Tensor, start: Host, size: Host):
    """Zeros in the shape of `like_x` with g in the part that `dynamic_slice` takes."""
    return Spec(like_x.shape, g.dtype)


dynamic_slice.gradient(_dynamic_slice_gradient)
dynamic_put.joint_gradient(lambda h, y, g, x, start, size: (dynamic_slice(h, start, size), None))
dynamic_slice.meaning(lambda emit, x, start, size: emit(getitem, x, _limits(start, size)))
dynamic_put.meaning(lambda emit, g, x, start, size: emit(put, g, x.shape, _limits(start, size)))


def _reverse_arguments(x, axes):
    x = as_tensor(x)
    axes = axes if isinstance(axes, (tuple, list)) else (axes,)
    return x, tuple(sorted({one_axis(a, x.ndim) for a in axes}))


@op(prepare=_reverse_arguments)
def reverse(x: Tensor, axes: tuple):
    """x with the order along `axes` turned round."""
    return like(x)


reverse.gradient(lambda g, y, x, axes: reverse(g, axes))


# ---- together --------------------------------------------------------------------------------------------------------


def _joined(tensors, axis=-1):
    return promoted(list(tensors)), axis


def concatenate(tensors, axis=-1):
    """The tensors one after the other along `axis`; all other sizes agree. All dense, or all sparse."""
    tensors = list(tensors)
    if any(getattr(t, "is_sparse_tensor", False) for t in tensors):
        from .sparse import join

        return join(tensors, axis)
    return concat(tensors, axis)


@op(prepare=_joined)
def concat(tensors: Tensors, axis: Axis):
    """`concatenate` of dense tensors."""
    first = tensors[0]
    if any(t.ndim != first.ndim or not _agree_but_for(axis, t.shape, first.shape) for t in tensors[1:]):
        raise ValueError(f"shapes must agree but for axis {axis}: {', '.join(show(t) for t in tensors)}.")
    shape = [next((n for n in sizes if n is not None), None) for sizes in zip(*(t.shape for t in tensors), strict=True)]
    total = [t.shape[axis] for t in tensors]
    shape[axis] = None if None in total else sum(total)
    return Spec(tuple(shape), first.dtype)


def _agree_but_for(axis, a, b):
    return all(i == axis or None in (m, n) or m == n for i, (m, n) in enumerate(zip(a, b, strict=True)))


def _parts(g, y, tensors, axis):
    """The cotangent cut where the tensors were joined."""
    sizes = [t.shape[axis] for t in tensors]
    if None not in sizes:
        starts = np.cumsum([0, *sizes])
        whole = ((None, None, None),)
        return tuple(
            getitem(g, whole * axis + ((int(a), int(b), None),) + whole * (g.ndim - axis - 1))
            for a, b in itertools.pairwise(starts)
        )
    parts, start = [], as_tensor(0)
    for t in tensors:
        length = shape(t)[axis]
        zeros, rest = [0] * g.ndim, [-1] * g.ndim
        zeros[axis], rest[axis] = start, length
        parts.append(dynamic_slice(g, zeros, rest))
        start = start + length
    return tuple(parts)


concat.gradient(_parts)


def _stack_arguments(x, axis=0):
    tensors = promoted(list(x))
    return tensors, one_axis(axis, tensors[0].ndim + 1)


@op(prepare=_stack_arguments)
def stack(x: Tensors, axis: int = 0):
    """The tensors of one shape along a new axis `axis`."""
    return Spec((*x[0].shape[:axis], len(x), *x[0].shape[axis:]), x[0].dtype)


stack.gradient(
    lambda g, y, x, axis: tuple(
        getitem(g, (((None, None, None),) * axis) + (i,) + ((None, None, None),) * (g.ndim - axis - 1))
        for i in range(len(x))
    )
)


def _tile_arguments(x, n):
    x = as_tensor(x)
    n = tuple(int(r) for r in n) if isinstance(n, (list, tuple, np.ndarray)) else (int(n),)
    if len(n) > x.ndim:
        raise ValueError(f"K.tile: {show(x)} has fewer axes than there are counts: {n}.")
    return x, (1,) * (x.ndim - len(n)) + n


@op(prepare=_tile_arguments)
def tile(x: Tensor, n: tuple):
    """x repeated along each axis. n: an int for each axis; fewer are for the last axes."""
    return Spec(tuple(None if s is None else s * r for s, r in zip(x.shape, n, strict=True)), x.dtype)


def _tile_gradient(g, y, x, n):
    from .reduction import sum as reduce_sum

    sizes = shape(x)
    split = [
        part for i, (s, r) in enumerate(zip(x.shape, n, strict=True)) for part in (r, sizes[i] if s is None else s)
    ]
    return reduce_sum(reshape(g, split), tuple(range(0, 2 * x.ndim, 2)))


tile.gradient(_tile_gradient)


@op
def repeat_elements(x: Tensor, rep: int, axis: Axis):
    """Each slice of x along `axis` `rep` times in a row."""
    n = x.shape[axis]
    return Spec((*x.shape[:axis], None if n is None else n * rep, *x.shape[axis + 1 :]), x.dtype)


def _repeat_gradient(g, y, x, rep, axis):
    from .reduction import sum as reduce_sum

    sizes = shape(x)
    split = [sizes[i] if s is None else s for i, s in enumerate(x.shape)]
    split.insert(axis + 1, rep)
    return reduce_sum(reshape(g, split), axis + 1)


repeat_elements.gradient(_repeat_gradient)


def repeat(x, n):
    """A matrix [batch, d] repeated to [batch, n, d]."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"K.repeat: expected a tensor with 2 axes, got {show(x)}.")
    return repeat_elements(expand_dims(x, 1), n, 1)


def _pad_arguments(x, padding, value=0.0):
    x = as_tensor(x)
    pairs = tuple((int(a), int(b)) for a, b in padding)
    if len(pairs) != x.ndim:
        raise ValueError(f"K.pad: {show(x)} needs a (before, after) pair for each axis, got {pairs}.")
    return x, pairs, value


@op(prepare=_pad_arguments)
def pad(x: Tensor, padding: tuple, value: float = 0.0):
    """x with `value` around it. padding: (before, after) for each axis."""
    return Spec(tuple(None if n is None else n + a + b for n, (a, b) in zip(x.shape, padding, strict=True)), x.dtype)


pad.gradient(lambda g, y, x, padding, value: getitem(g, tuple((a, -b or None, None) for a, b in padding)))


def temporal_padding(x, padding=(1, 1)):
    """Zeros before and after along axis 1 of [batch, steps, channels]."""
    return pad(x, ((0, 0), tuple(padding), (0, 0)))


def _spatial_padding(x, padding, data_format):
    pairs = tuple(tuple(p) for p in padding)
    first = config.normalize_data_format(data_format) == "channels_first"
    return pad(x, ((0, 0), (0, 0), *pairs) if first else ((0, 0), *pairs, (0, 0)))


def spatial_2d_padding(x, padding=((1, 1), (1, 1)), data_format=None):
    """Zeros around images. padding: (before, after) for height and width."""
    return _spatial_padding(x, padding, data_format)


def spatial_3d_padding(x, padding=((1, 1), (1, 1), (1, 1)), data_format=None):
    """Zeros around volumes. padding: (before, after) for each of the three axes."""
    return _spatial_padding(x, padding, data_format)


# ---- new tensors -----------------------------------------------------------------------------------------------------


@op
def full(shape: Host, value: float, dtype: DType):
    """A tensor of `shape` with every element `value`."""
    return Spec(_partly_known(shape) if isinstance(shape, Tensor) else shape, dtype)


@full.rewrite
def _full_is_broadcast(emit, shape, value, dtype):
    # One number, spread: elementwise steps then use the number itself.
    if dtype == "bfloat16" or shape == ():
        return None
    return emit(broadcast_to, emit(full, (), value, dtype), shape)


def zeros_like(x, dtype=None, name=None):
    """Zeros in the shape of x."""
    return _filled_like(x, 0, dtype)


def ones_like(x, dtype=None, name=None):
    """Ones in the shape of x."""
    return _filled_like(x, 1, dtype)


def _filled_like(x, number, dtype_wanted):
    x = as_tensor(x)
    return full(shape(x) if None in x.shape else x.shape, number, dtype_wanted or x.dtype)


def zeros(shape, dtype=None, name=None):
    """A variable of zeros; a tensor where the shape is only known at run time."""
    return _filled(shape, 0, dtype, name)


def ones(shape, dtype=None, name=None):
    """A variable of ones; a tensor where the shape is only known at run time."""
    return _filled(shape, 1, dtype, name)


def _filled(shape, number, dtype, name):
    made = full(tuple(shape) if isinstance(shape, (list, tuple)) else shape, number, dtype)
    return made if None in made.shape else Variable(made, dtype, name)


def eye(size, dtype=None, name=None):
    """A variable with the identity matrix. size: int, or (rows, columns)."""
    n, m = size if isinstance(size, (tuple, list)) else (size, size)
    return Variable(np.eye(n, m, dtype=dtype_name(dtype)), dtype, name)


@op
def _arange(start: Host, stop: Host, step: Host, dtype: DType):
    """`arange` of integers."""
    if any(isinstance(v, Tensor) for v in (start, stop, step)):
        return Spec((None,), dtype)
    return Spec((len(range(start, stop, step)),), dtype)


def arange(start, stop=None, step=1, dtype="int32"):
    """The numbers from `start` in steps of `step` up to, without, `stop`. With one argument: from 0 to it.

    Integer tensors are allowed (sizes of other tensors); floats must be numbers. A negative `stop` alone gives nothing.
    """
    if stop is None:
        start, stop = 0, start
    if any(isinstance(v, float) for v in (start, stop, step)):
        return Constant(np.arange(start, stop, step).astype(dtype_name(dtype)))
    return _arange(start, stop, step, dtype)


@op(prepare=lambda indices, num_classes: (indices, int(num_classes), config.floatx()))
def one_hot(indices: Tensor, num_classes: int, dtype: DType):
    """1 at each index along a new last axis of size num_classes, else 0, in floatx; out of range: a row of zeros."""
    return Spec((*indices.shape, num_classes), dtype)


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
