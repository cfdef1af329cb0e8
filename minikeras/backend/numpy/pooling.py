"""NumPy kernels of pooling. A window is a product of ranges, so that extremum and sum go axis by axis."""

import numpy as np

from ..windows import counted, lengths, taps

BLOCK = 1 << 18  # elements of x that are taken together


def _along(x, axis, k, s, pad):
    """(count, [(slice of windows, slice of elements)]) of windows along one axis."""
    n = x.shape[axis]
    count = lengths((n,), (k,), (s,), (pad,), (1,))[0]
    return count, [(place[0], elements[0]) for _, place, elements in taps((n,), (k,), (s,), (pad,), (1,))]


def _at(axis, part):
    return (slice(None),) * axis + (part,)


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def max_pooling(x, window, strides, padding, out=None):
    return _folded(np.maximum, _lowest(x.dtype), x, window, strides, padding, out)


def _folded(combine, start, x, window, strides, padding, out):
    """The windows combined axis by axis, the rows first: they are long runs of memory."""
    last = len(window)
    for axis, (k, s, pad) in enumerate(zip(window, strides, padding, strict=True), 1):
        count, parts = _along(x, axis, k, s, pad)
        target = out if axis == last else None
        target = np.empty((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype) if target is None else target
        x = _fold_axis(combine, start, x, axis, count, parts, target)
    return x


def _fold_axis(combine, start, x, axis, count, parts, out):
    whole = [x[_at(axis, elements)] for place, elements in parts if place == slice(0, count)]
    if len(whole) == len(parts) > 1:
        combine(whole[0], whole[1], out=out)
        for part in whole[2:]:
            combine(out, part, out=out)
        return out
    out[...] = start
    for place, elements in parts:
        target = out[_at(axis, place)]
        combine(target, x[_at(axis, elements)], out=target)
    return out


def _hits(x, y, window, strides, padding):
    """For each position in the window: the windows, their elements, and which of those are the first largest ones."""
    free = np.ones(y.shape, bool)
    for _, place, elements in taps(x.shape[1:-1], window, strides, padding, (1,) * len(window)):
        place, elements = (slice(None), *place), (slice(None), *elements)
        hit = np.equal(x[elements], y[place])
        hit &= free[place]
        free[place] ^= hit
        yield place, elements, hit


def _blocks(x):
    """Slices of the batch, such that what belongs to one stays in the cache while it is gone through repeatedly."""
    step = max(1, BLOCK * len(x) // max(1, x.size))
    return (slice(i, i + step) for i in range(0, len(x), step))


def max_pooling_gradient(g, x, y, window, strides, padding, out=None):
    out = np.empty(x.shape, g.dtype) if out is None else out
    apart = all(s >= k for k, s in zip(window, strides, strict=True))
    exact = (c * k == n for c, k, n in zip(y.shape[1:-1], window, x.shape[1:-1], strict=True))
    covered = window == strides and all(exact)
    for block in _blocks(x):
        part, into = g[block], out[block]
        if not covered:
            into[...] = 0
        for place, elements, hit in _hits(x[block], y[block], window, strides, padding):
            target = into[elements]
            if apart:
                np.multiply(part[place], hit, out=target)
            else:
                target += part[place] * hit
    return out


def max_pooling_select(h, x, y, window, strides, padding, out=None):
    out = np.empty(y.shape, h.dtype) if out is None else out
    out[...] = 0
    for place, elements, hit in _hits(x, y, window, strides, padding):
        np.copyto(out[place], h[elements], where=hit)
    return out


def _divide(total, sizes, window, strides, padding, out):
    """Sums of windows divided by how many real elements each has."""
    if not any(map(any, padding)):
        return np.multiply(total, total.dtype.type(1 / np.prod(window)), out=out)
    for axis, counts in enumerate(counted(sizes, window, strides, padding), 1):
        divisor = np.array(counts, total.dtype).reshape(-1, *(1,) * (total.ndim - axis - 1))
        total = np.divide(total, divisor, out=out)
    return total


def average_pooling(x, window, strides, padding, out=None):
    total = _folded(np.add, 0, x, window, strides, padding, out)
    return _divide(total, x.shape[1:-1], window, strides, padding, total)


def average_pooling_gradient(g, sizes, window, strides, padding, out=None):
    g = _divide(g, sizes, window, strides, padding, np.empty_like(g))
    for axis in reversed(range(1, len(window) + 1)):
        shape = (*g.shape[:axis], sizes[axis - 1], *g.shape[axis + 1 :])
        target = out if axis == 1 and out is not None else np.empty(shape, g.dtype)
        target[...] = 0
        for place, elements in _along(target, axis, window[axis - 1], strides[axis - 1], padding[axis - 1])[1]:
            part = target[_at(axis, elements)]
            part += g[_at(axis, place)]
        g = target
    return g
