"""Where the windows of convolutions and poolings lie.

Geometry of one spatial axis: an input of `size` elements, a `window` of elements `dilation` apart, moved by `stride`,
with `padding` = (before, after) elements added at the ends. The formulas are those of Dumoulin and Visin, A guide to
convolution arithmetic for deep learning (2016); "same" is TensorFlow's: ceil(size / stride) results, and of an odd
number of added elements the larger half at the end.

The functions take tuples, an entry for each spatial axis.
"""

import itertools

PADDINGS = ("valid", "same")


def reach(window, dilation):
    """Elements from the first to the last of a window, both counted; None where the window is not known."""
    return tuple(None if k is None else (k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))


def pairs(padding, sizes, window, strides, dilation):
    """The padding as a (before, after) pair for each axis, or as it is where it hangs on a size not yet known.

    padding: 'valid', 'same', 'causal' (all of it before) or pairs already. sizes: None where unknown.
    """
    if not isinstance(padding, str):
        return padding
    spans = reach(window, dilation)
    if padding == "valid":
        return ((0, 0),) * len(spans)
    if None in spans:
        return padding
    if padding == "causal":
        return tuple((n - 1, 0) for n in spans)
    if any(n is None and s > 1 for n, s in zip(sizes, strides, strict=True)):
        return padding
    return tuple(_same(n, r, s) for n, r, s in zip(sizes, spans, strides, strict=True))


def _same(size, span, stride):
    # With stride 1 the size does not matter: the padding is what the window reaches beyond its first element.
    added = span - 1 if stride == 1 else max(0, (-(-size // stride) - 1) * stride + span - size)
    return added // 2, added - added // 2


def lengths(sizes, window, strides, padding, dilation):
    """The number of windows along each axis, None where sizes are unknown. Raises ValueError where there is none."""
    if isinstance(padding, str):  # "same" or "causal": they depend on nothing else
        return tuple(None if n is None else -(-n // s) for n, s in zip(sizes, strides, strict=True))
    if 0 in window:
        raise ValueError(f"a window has at least one element along each axis, got {list(window)}.")
    spans, result = reach(window, dilation), []
    for n, span, stride, (before, after) in zip(sizes, spans, strides, padding, strict=True):
        if None in (n, span):
            result.append(None)
            continue
        if n + before + after < span:
            raise ValueError(f"windows of {list(spans)} do not fit into an input of {list(sizes)}. Use padding='same', "
                             "a smaller window, or larger images.")
        result.append((n + before + after - span) // stride + 1)
    return tuple(result)


def taps(sizes, window, strides, padding, dilation):
    """For each position in the window, in row-major order: (position, index of the windows, index of their elements).

    The indices are tuples of slices into the result and into the unpadded input: in the windows of the first, the
    element at that position is that of the second. Windows whose element lies in the padding are left out.
    """
    counts = lengths(sizes, window, strides, padding, dilation)
    axes = [[(i, *_tap(i * d - before, n, s, count)) for i in range(k)] for n, k, s, (before, _), d, count
            in zip(sizes, window, strides, padding, dilation, counts, strict=True)]
    return [tuple(zip(*along_axes, strict=True)) for along_axes in itertools.product(*axes)]


def _tap(offset, size, stride, count):
    """Of windows 0 <= j < count those with 0 <= j * stride + offset < size, and those elements."""
    first = max(0, -(offset // stride))
    last = max(first, min(count, (size - 1 - offset) // stride + 1))
    start = first * stride + offset
    stop = start + (last - first - 1) * stride + 1 if last > first else start
    return slice(first, last), slice(start, stop, stride)


def counted(sizes, window, strides, padding):
    """For each axis how many elements of each window are real, not padding."""
    counts = lengths(sizes, window, strides, padding, (1,) * len(sizes))
    return [[min(i * s - before + k, n) - max(i * s - before, 0) for i in range(count)]
            for n, k, s, (before, _), count in zip(sizes, window, strides, padding, counts, strict=True)]


def spread(value, n, name):
    """`value`, an int or n ints, as a tuple of n positive ints."""
    values = (value,) * n if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != n or any(v < 1 for v in values):
        raise ValueError(f"{name}: expected {n} positive integers, got {value!r}.")
    return values
