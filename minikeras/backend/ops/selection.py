"""Order, selection and scattering of elements; a guard against nan. Keras 2.3 has none of these."""

from ..op import Axis, Host, Spec, as_tensor, elementwise, like, one_axis, op, promoted
from ..tensor import INTEGERS, Tensor, building, compatible, show
from .creation import zeros_like
from .indexing import along, getitem
from .joining import concat
from .math import _question, float_like
from .shape import broadcast_like, permute_dimensions, shape_of, squeeze, static

# ---- order -----------------------------------------------------------------------------------------------------------


@op
def _sort(x: Tensor, axis: Axis, descending: bool):
    """x sorted along `axis`, and the positions that its elements had: int32."""
    return like(x), Spec(x.shape, "int32")


def sort(x, axis=-1, descending=False):
    """x with the elements along `axis` in order. Elements that tie keep theirs; nan counts as the largest."""
    return _sort(x, axis, bool(descending))[0]


def argsort(x, axis=-1, descending=False):
    """The positions along `axis` that put x in order, int32: x[argsort(x)] is sort(x). No gradient."""
    return _sort(x, axis, bool(descending))[1]


@op
def _topk(x: Tensor, k: int, axis: Axis):
    """The largest elements along `axis` and their positions."""
    n = x.shape[axis]
    if k < 0 or (n is not None and k > n):
        raise ValueError(f"k = {k} elements are wanted of the {n} along axis {axis}. Choose 0 <= k <= {n}.")
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return Spec(shape, x.dtype), Spec(shape, "int32")


def topk(x, k, axis=-1):
    """The k largest elements along `axis`, from the largest down, and their positions.

    k: int. Of elements that tie the first ones come first; nan counts as the largest.
    Returns (values, positions): both in the shape of x with k along `axis`; the positions are int32.
    Raises ValueError when there are fewer than k.
    """
    return _topk(x, int(k), axis)


def _back_to_places(g, y, x, axis):
    return None if g[0] is None else add_along_axis(g[0], y[1], x, axis)


_sort.gradient(lambda g, y, x, axis, descending: _back_to_places(g, y, x, axis))
_topk.gradient(lambda g, y, x, k, axis: _back_to_places(g, y, x, axis))


@op(gradient=[lambda g, y, x, indices, axis: add_along_axis(g, indices, x, axis)],
    prepare=lambda x, indices, axis=-1: (x, as_tensor(indices), axis))
def take_along_axis(x: Tensor, indices: Tensor, axis: Axis):
    """The elements of x at positions along `axis`, a position for each element of the result.

    indices: integers in the shape of x, but for `axis`. Returns their shape. Repeated ones add up in the gradient.
    An index out of range is an error on NumPy and PyTorch; JAX takes the nearest element.
    """
    if indices.dtype not in INTEGERS:
        raise TypeError(f"indices must be integers, not {indices.dtype}. Convert them with K.cast.")
    if not compatible(x.shape, indices.shape, but_for=axis):
        raise ValueError(f"x and indices must have the same sizes but for axis {axis}. K.gather takes whole slices.")
    return Spec(indices.shape, x.dtype)


@op(gradient=[lambda h, y, g, indices, x, axis: take_along_axis(h, indices, axis)])
def add_along_axis(updates: Tensor, indices: Tensor, like_x: Tensor, axis: int):
    """Zeros in the shape of `like_x`, with the elements of `updates` added at their positions along `axis`."""
    return Spec(like_x.shape, updates.dtype)


# ---- parts and axes --------------------------------------------------------------------------------------------------


def _split_arguments(x, n_or_sizes, axis=-1):
    x = as_tensor(x)
    sizes = int(n_or_sizes) if not isinstance(n_or_sizes, (list, tuple)) else tuple(int(n) for n in n_or_sizes)
    return x, sizes, one_axis(axis, x.ndim)


@op(prepare=_split_arguments)
def split(x: Tensor, n_or_sizes: object, axis: int):
    """x cut into parts along `axis`: a tuple of tensors.

    n_or_sizes: the number of equal parts, or the size of each (one may be -1: what the others leave).
    Raises ValueError when the parts do not add up to the axis.
    """
    sizes = _part_sizes(n_or_sizes, x.shape[axis], axis)
    return tuple(Spec((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype) for n in sizes)


def _part_sizes(n_or_sizes, total, axis):
    """The sizes of the parts, None where they are not known yet."""
    if isinstance(n_or_sizes, int):
        if n_or_sizes < 1 or (total is not None and total % n_or_sizes):
            raise ValueError(f"axis {axis} with size {total} has no {n_or_sizes} equal parts. Give a size for each.")
        return (None if total is None else total // n_or_sizes,) * n_or_sizes
    known = sum(n for n in n_or_sizes if n != -1)
    rest = n_or_sizes.count(-1)
    wrong = total is not None and (known > total if rest else known != total)
    if wrong or rest > 1 or min(n_or_sizes, default=-2) < -1:
        raise ValueError(f"parts of sizes {list(n_or_sizes)} do not make up axis {axis} with size {total}.")
    left = None if total is None else total - known
    return tuple(left if n == -1 else n for n in n_or_sizes)


@split.meaning
def _split_is_slices(emit, x, n_or_sizes, axis):
    parts, start = [], 0
    for n in _part_sizes(n_or_sizes, x.shape[axis], axis):
        parts.append(emit(getitem, x, along(axis, (start, start + n, None), x.ndim)))
        start += n
    return parts


@split.gradient
def _join_parts(g, y, x, n_or_sizes, axis):
    gs, parts = (g, y) if isinstance(g, tuple) else ((g,), (y,))
    return concat([zeros_like(part) if h is None else h for h, part in zip(gs, parts, strict=True)], axis)


def unstack(x, axis=0):
    """The slices of x along `axis`, whose size must be known, without that axis: a list. Undoes K.stack."""
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim)
    if x.shape[axis] is None:
        raise ValueError(f"K.unstack: the size of axis {axis} is not known: {show(x)}. Use K.map_fn.")
    return [squeeze(part, axis) for part in split(x, x.shape[axis], axis)] if x.shape[axis] else []


def moveaxis(x, source, destination):
    """x with the axes `source` at the places `destination` (ints, or lists of them); the others keep their order."""
    x = as_tensor(x)
    pairs = [a if isinstance(a, (list, tuple)) else (a,) for a in (source, destination)]
    source, destination = ([one_axis(i, x.ndim) for i in axes] for axes in pairs)
    if len(source) != len(destination) or len({*source}) != len(source) or len({*destination}) != len(destination):
        raise ValueError(f"K.moveaxis: axes {source} of {show(x)} cannot go to {destination}: one place an axis.")
    order = [i for i in range(x.ndim) if i not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return permute_dimensions(x, order)


# ---- places given by index vectors -----------------------------------------------------------------------------------


def _check_places(indices, shape, updates=None):
    """The shape of what stands at the places. Raises when the indices do not fit, or the updates."""
    if indices.dtype not in INTEGERS or not indices.ndim or indices.shape[-1] is None or indices.shape[-1] > len(shape):
        raise ValueError(f"indices must be integers [..., k] with k from 1 to {len(shape)}, one for each of the first "
                         f"k axes of {list(shape)}; they are {show(indices)}.")
    found = (*indices.shape[:-1], *shape[indices.shape[-1] :])
    if updates is not None and not compatible(updates.shape, found):
        raise ValueError(f"updates must have the shape {list(found)}, that of the places; they are {show(updates)}.")
    return found


@op(prepare=lambda x, indices: (x, as_tensor(indices)))
def gather_nd(x: Tensor, indices: Tensor):
    """The elements (or slices) of x at index vectors.

    indices: integers [..., k], an index into each of the first k axes of x. Returns [..., *x.shape[k:]].
    An index out of range is an error on NumPy and PyTorch; JAX takes the nearest element.
    """
    return Spec(_check_places(indices, x.shape), x.dtype)


@op
def scatter(indices: Tensor, updates: Tensor, shape: Host):
    """Zeros of `shape` with `updates` added at index vectors; those for one place add up.

    indices: integers [..., k], an index into each of the first k axes. updates: [..., *shape[k:]].
    shape: a tuple of ints, or an integer tensor. An index out of range is an error on NumPy and PyTorch; JAX drops it.
    """
    _check_places(indices, static(shape), updates)
    return Spec(static(shape), updates.dtype)


def _with_one_dtype(x, indices, updates):
    x, updates = promoted([x, updates])
    indices = as_tensor(indices)
    places = gather_nd(x, indices)
    if updates.ndim < places.ndim or (updates.shape != places.shape and 1 in updates.shape):
        updates = broadcast_like(updates, places)
    return x, indices, updates


@op(prepare=_with_one_dtype)
def scatter_update(x: Tensor, indices: Tensor, updates: Tensor):
    """x with `updates` in place of its elements at index vectors, which must be distinct.

    indices: integers [..., k], an index into each of the first k axes of x. updates: [..., *x.shape[k:]], or what
    broadcasts to it. An index out of range is an error on NumPy and PyTorch; JAX drops it.
    """
    _check_places(indices, x.shape, updates)
    return like(x)


gather_nd.gradient(lambda g, y, x, indices: scatter(indices, g, shape_of(x)))
scatter.gradient(None, lambda g, y, indices, updates, shape: gather_nd(g, indices))
scatter_update.gradient(lambda g, y, x, indices, updates: scatter_update(g, indices, 0.0), None,
                        lambda g, y, x, indices, updates: gather_nd(g, indices))


# ---- what is no number -----------------------------------------------------------------------------------------------


@elementwise(_question)
def isfinite(x: Tensor):
    """Where x is neither nan nor infinite."""


def _check_arguments(x, message=""):
    x = as_tensor(x)
    scope = x.owner.scope if x.owner is not None else building.scope
    place = f" in {scope}" if scope else ""
    return x, f'{message}{": " if message else ""}tensor "{x.name}" {show(x)}{place}'


@op(gradient=[lambda g, *_: g], random=True, prepare=_check_arguments)  # never merged or folded: it has an effect
def check_numerics(x: Tensor, message: str):
    """x itself; the program stops with FloatingPointError when an element is nan or infinite.

    message: what the error begins with; it goes on with the tensor's name, shape and layer. It is checked whenever the
    result is computed: use the result, or nothing is. On NumPy and PyTorch the error comes at once. On JAX, where
    compiled code cannot stop, the program runs to its end; the error comes when any result is looked at, or with the
    next call. A checked tensor is waited for: on a GPU this costs time.
    """
    return float_like(x)


def _not_finite(message, nans, infinite, size):
    """The error of check_numerics, the same on every backend."""
    return FloatingPointError(f"{message}: {nans} of {size} elements are nan, {infinite} infinite.")
