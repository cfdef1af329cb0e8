"""Parts of a tensor, and tensors put together of parts: indices, slices, gathering; the same ops backwards."""

import builtins

import numpy as np

from ..op import Axes, Axis, Host, Spec, as_tensor, host_integers, like, op
from ..tensor import Tensor, is_float, show
from .math import maximum, minimum
from .shape import cast, partly_known, permute_dimensions, reshape, sizes_of


@op(gradient=[lambda g, y, x, index: getitem_gradient(g, x, index)])
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
        elif entry == WHOLE or n is not None:
            result.append(n if n is None else len(range(*slice_of(entry).indices(n))))
        else:
            result.append(None)
        axis += 1
    return tuple(result)


WHOLE = (None, None, None)  # the entry for all of an axis


def along(axis, entry, ndim, others=WHOLE):
    """`entry` for one axis of `ndim`, and the same (all of them, in an index) for all others."""
    return (*(others,) * axis, entry, *(others,) * (ndim - axis - 1))


def part(x, axis, start=None, stop=None):
    """x from `start` up to `stop` along `axis`."""
    return getitem(x, along(axis, (start, stop, None), x.ndim))


def slice_of(entry):
    """The Python slice of a canonical index entry."""
    return builtins.slice(*entry)


def python_index(index):
    """A canonical index as Python, NumPy, JAX and PyTorch take it."""
    return tuple(slice_of(e) if isinstance(e, tuple) else e for e in index)


@op(gradient=[lambda h, y, g, x, index: getitem(h, index)])
def getitem_gradient(g: Tensor, like_x: Tensor, index: tuple):
    """Zeros in the shape of `like_x`, with g at [index]."""
    return Spec(like_x.shape, g.dtype)


@op(gradient=[lambda h, y, g, shape, index: getitem(h, index)])
def put(g: Tensor, shape: Host, index: tuple):
    """Zeros of `shape` with g at [index]; index as for getitem, without new axes."""
    return Spec(shape, g.dtype)


@getitem_gradient.meaning
def _put(emit, g, x, index):
    if None in index or any(isinstance(e, int) for e in index):
        # New axes go, and axes that an int took come back with size 1, so that ranks agree.
        sizes = iter(g.shape)
        found = [1 if isinstance(entry, int) else next(sizes) for entry in index]
        g = emit(reshape, g, tuple(n for n, entry in zip(found, index, strict=True) if entry is not None))
        index = tuple((e, e + 1 or None, None) if isinstance(e, int) else e for e in index if e is not None)
    index, turned = _forwards(index, x.shape)
    return emit(put, emit(reverse, g, turned) if turned else g, x.shape, index)


def _forwards(index, sizes):
    """(an index of the same elements with steps that go forward, the axes of its result that are to be reversed)."""
    sizes, found, turned, axis = iter(sizes), [], [], 0
    for entry in index:
        n = None if entry is None else next(sizes)
        if isinstance(entry, tuple) and (entry[2] or 1) < 0:
            places = range(*slice_of(entry).indices(n))[::-1]
            entry = (places.start, places.stop, places.step) if places else (0, 0, 1)
            turned.append(axis)
        found.append(entry)
        axis += not isinstance(entry, int)
    return tuple(found), tuple(turned)


@getitem.resolve
def _only_forward_steps(emit, x, index):
    forwards, turned = _forwards(index, x.shape)
    return emit(reverse, emit(getitem, x, forwards), turned) if turned else None


def index_tensor(x, key):
    """x[key] for the keys of Python: ints, slices, None, Ellipsis, and one int tensor or list (which gathers)."""
    keys = list(key) if isinstance(key, tuple) else [key]
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > x.ndim:
        raise IndexError(f"{x!r} has {x.ndim} axes, the index {key!r} has {used}.")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    fill = [WHOLE] * (x.ndim - used)
    keys = [*keys, *fill] if at is None else [*keys[:at], *fill, *keys[at + 1 :]]
    if any(isinstance(k, builtins.slice) and _has_tensor(k) for k in keys):
        x, keys = _sliced_by_tensors(x, keys)
    gathered = [(i, k) for i, k in enumerate(keys) if isinstance(k, (Tensor, list, np.ndarray))]
    entries = tuple(WHOLE if isinstance(k, (Tensor, list, np.ndarray)) else _entry(k, x, key) for k in keys)
    if len(gathered) > 1:
        raise NotImplementedError("Indexing with several tensors: use K.gather along one axis after the other.")
    if any(e != WHOLE for e in entries):
        x = getitem(x, entries)
    if gathered:
        axis = sum(not isinstance(e, int) for e in entries[: gathered[0][0]])
        x = take(x, gathered[0][1], axis)
    return x


def _entry(k, x, key):
    if k is None or isinstance(k, tuple):
        return k
    if isinstance(k, builtins.slice):
        return tuple(None if p is None else int(p) for p in (k.start, k.stop, k.step))
    if isinstance(k, (int, np.integer)):
        return int(k)
    raise TypeError(f"{x!r} cannot be indexed with {key!r}: use ints, slices, None, ... and integer tensors.")


def _has_tensor(k):
    return isinstance(k.start, Tensor) or isinstance(k.stop, Tensor)


def _sliced_by_tensors(x, keys):
    """(the part of x within those limits that are tensors, the keys that are left to do)."""
    left, start, size, axis = [], [0] * x.ndim, [-1] * x.ndim, 0
    for k in keys:
        if isinstance(k, builtins.slice) and _has_tensor(k):
            if k.step not in (None, 1):
                raise NotImplementedError("A slice whose limits are tensors has no step: step through what it gives.")
            (n,) = sizes_of(x, [axis])
            start[axis], stop = _limit(k.start, n, 0), _limit(k.stop, n, n)
            size[axis] = maximum(stop - start[axis], 0)
            k = WHOLE
        left.append(k)
        axis += k is not None
    return dynamic_slice(x, start, size), left


def _limit(limit, n, otherwise):
    """A limit of a slice as a number from 0 to n: negative ones count from the end."""
    if limit is None:
        return otherwise
    limit = as_tensor(limit, "int32")
    return minimum(maximum(limit + n * cast(limit < 0, limit.dtype), 0), n)


@op(gradient=[lambda g, y, x, indices, axis: scatter_add(g, indices, x, axis)])
def take(x: Tensor, indices: Tensor, axis: Axis = 0):
    """The slices of x along `axis` at integer `indices` (of any shape, which takes the place of the axis)."""
    return Spec(x.shape[:axis] + indices.shape + x.shape[axis + 1 :], x.dtype)


@op(gradient=[lambda h, y, g, indices, x, axis: take(h, indices, axis)])
def scatter_add(updates: Tensor, indices: Tensor, like_x: Tensor, axis: int):
    """Zeros in the shape of `like_x`, with each slice of `updates` added along `axis` at its index. Undoes `take`."""
    return Spec(like_x.shape, updates.dtype)


def _order_of_indices(pattern, axis, n):
    """How a pattern orders the n axes of the indices, from `axis` on; None where it moves others too."""
    others = (*pattern[:axis], *pattern[axis + n :])
    fixed = others == (*range(axis), *range(axis + n, len(pattern)))
    return tuple(i - axis for i in pattern[axis : axis + n]) if fixed else None


# Indices are put in another order more cheaply than the slices that they stand for.
@permute_dimensions.rewrite
def _take_in_order(emit, x, pattern):
    if x.op_name != "take":
        return None
    source, indices, axis = x.source.args
    order = _order_of_indices(pattern, axis, indices.ndim)
    return None if order is None else emit(take, source, emit(permute_dimensions, indices, order), axis)


@scatter_add.rewrite
def _add_in_order(emit, updates, indices, x, axis):
    if updates.op_name != "permute_dimensions":
        return None
    slices, pattern = updates.source.args
    order = _order_of_indices(pattern, axis, indices.ndim)
    if order is None:
        return None
    back = tuple(sorted(range(indices.ndim), key=order.__getitem__))
    return emit(scatter_add, slices, emit(permute_dimensions, indices, back), x, axis)


def gather(reference, indices):
    """The rows of `reference` at integer `indices`: [..., *reference.shape[1:]]. Gradients of a row add up."""
    indices = as_tensor(indices)
    return take(reference, cast(indices, "int32") if is_float(indices.dtype) else indices, 0)


def slice(x, start, size):  # noqa: A001
    """The part of x that begins at `start` and has `size`; a size of -1 is all the rest.

    start, size: an int for each axis (lists, or integer tensors).
    """
    x = as_tensor(x)
    if any(not isinstance(v, Tensor) and len(v) != x.ndim for v in (start, size)):
        raise ValueError(f"K.slice: {show(x)} needs a start and a size for each axis, got {start} and {size}.")
    start, size = host_integers(start), host_integers(size)
    if isinstance(start, Tensor) or isinstance(size, Tensor):
        return dynamic_slice(x, start, size)
    return getitem(x, _limits(start, size))


@op(gradient=[lambda g, y, x, start, size: dynamic_put(g, x, start, size)])
def dynamic_slice(x: Tensor, start: Host, size: Host):
    """`slice` with limits that are known when the program is specialised."""
    if isinstance(start, Tensor) or isinstance(size, Tensor):
        whole = zip(x.shape, partly_known(start), partly_known(size), strict=True)
        return Spec(tuple((s if a == 0 else None) if n == -1 else n for s, a, n in whole), x.dtype)
    return Spec(_indexed(x.shape, _limits(start, size)), x.dtype)


def _limits(start, size):
    limits = tuple((a, None if n == -1 else a + n, None) for a, n in zip(start, size, strict=True))
    return tuple(WHOLE if entry == (0, None, None) else entry for entry in limits)


@op(gradient=[lambda h, y, g, x, start, size: dynamic_slice(h, start, size)])
def dynamic_put(g: Tensor, like_x: Tensor, start: Host, size: Host):
    """Zeros in the shape of `like_x` with g in the part that `dynamic_slice` takes."""
    return Spec(like_x.shape, g.dtype)


dynamic_slice.meaning(lambda emit, x, start, size: emit(getitem, x, _limits(start, size)))
dynamic_put.meaning(lambda emit, g, x, start, size: emit(put, g, x.shape, _limits(start, size)))


@op(spec=lambda x, _: like(x), gradient=[lambda g, y, x, axes: reverse(g, axes)])
def reverse(x: Tensor, axes: Axes):
    """x with the order along `axes` turned round."""
