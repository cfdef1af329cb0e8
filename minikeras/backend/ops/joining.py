"""Tensors one after the other, repeated, or with something around them."""

import numpy as np

from .. import config
from ..op import OPS, Axis, Host, Spec, Tensors, as_tensor, one_axis, op, promoted
from ..tensor import Tensor, compatible, is_sparse, show
from .indexing import along, getitem, slice
from .shape import expand_dims, partly_known, reshape, sizes_of


def concatenate(tensors, axis=-1):
    """The tensors one after the other along `axis`; all other sizes agree. All dense, or all sparse."""
    tensors = list(tensors)
    sparse = next(filter(is_sparse, tensors), None)
    return concat(tensors, axis) if sparse is None else sparse.joined(tensors, axis)


@op(prepare=lambda tensors, axis=-1: (promoted(list(tensors)), axis))
def concat(tensors: Tensors, axis: Axis):
    """`concatenate` of dense tensors."""
    first = tensors[0]
    if not all(compatible(t.shape, first.shape, but_for=axis) for t in tensors[1:]):
        raise ValueError(f"shapes must agree but for axis {axis}: {', '.join(show(t) for t in tensors)}.")
    shape = [next((n for n in sizes if n is not None), None) for sizes in zip(*(t.shape for t in tensors), strict=True)]
    total = [t.shape[axis] for t in tensors]
    shape[axis] = None if None in total else sum(total)
    return Spec(tuple(shape), first.dtype)


@concat.gradient
def _cut_where_joined(g, y, tensors, axis):
    parts, start = [], 0
    for t in tensors:
        (length,) = sizes_of(t, [axis])
        parts.append(slice(g, along(axis, start, g.ndim, 0), along(axis, length, g.ndim, -1)))
        start = length + start
    return tuple(parts)


def _stack_arguments(x, axis=0):
    tensors = promoted(list(x))
    return tensors, one_axis(axis, tensors[0].ndim + 1)


@op(prepare=_stack_arguments)
def stack(x: Tensors, axis: int = 0):
    """The tensors of one shape along a new axis `axis`."""
    return Spec((*x[0].shape[:axis], len(x), *x[0].shape[axis:]), x[0].dtype)


stack.gradient(lambda g, y, x, axis: tuple(getitem(g, along(axis, i, g.ndim)) for i in range(len(x))))


def _tile_arguments(x, n):
    x = as_tensor(x)
    if isinstance(n, Tensor) and n.ndim:
        if n.shape == (x.ndim,):
            return x, n
        n = [n[i] for i in range(n.shape[0])]
    n = tuple(n) if isinstance(n, (list, tuple, np.ndarray)) else (n,)
    if len(n) > x.ndim:
        raise ValueError(f"K.tile: {show(x)} has fewer axes than there are counts: {n}.")
    return x, (1,) * (x.ndim - len(n)) + n


@op(prepare=_tile_arguments)
def tile(x: Tensor, n: Host):
    """x repeated along each axis. n: an int, or integer tensor, for each axis; fewer are for the last axes."""
    pairs = zip(x.shape, partly_known(n), strict=True)
    return Spec(tuple(None if None in (s, r) else s * r for s, r in pairs), x.dtype)


@tile.rewrite
def _tiles_of_one_number(emit, x, n):
    """From the number itself: where it is a constant the tiles are one too, which what is broadcast never becomes."""
    if x.op_name != "broadcast_to" or x.source.args[0].size != 1:
        return None
    number = emit(reshape, x.source.args[0], (1,) * x.ndim)
    return emit(tile, number, tuple(size * count for size, count in zip(x.shape, n, strict=True)))


@tile.gradient
def _tile_gradient(g, y, x, n):
    sizes = sizes_of(x)
    split = [size for i in range(x.ndim) for size in (n[i], sizes[i])]
    return OPS["sum"](reshape(g, split), tuple(range(0, 2 * x.ndim, 2)))


@op
def repeat_elements(x: Tensor, rep: int, axis: Axis):
    """Each slice of x along `axis` `rep` times in a row."""
    n = x.shape[axis]
    return Spec((*x.shape[:axis], None if n is None else n * rep, *x.shape[axis + 1 :]), x.dtype)


@repeat_elements.gradient
def _repeat_gradient(g, y, x, rep, axis):
    sizes = sizes_of(x)
    return OPS["sum"](reshape(g, [*sizes[: axis + 1], rep, *sizes[axis + 1 :]]), axis + 1)


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
