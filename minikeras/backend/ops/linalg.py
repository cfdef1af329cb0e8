"""Products of matrices and tensors."""

import itertools
import string

from ..op import Spec, Tensors, as_tensor, broadcast, one_axis, op, promoted
from ..tensor import Constant, Tensor, compatible, dtype_name, is_sparse, show
from . import math as _math
from . import reduction as _reduction
from .creation import arange, ones_like
from .shape import expand_dims, merge_axes, permute_dimensions, reshape, sizes_of, squeeze
from .sparse import sparse_dot


@op(promote=("x", "y"))
def matmul(x: Tensor, y: Tensor):
    """Matrix product over the last two axes, the others broadcast.

    x: [..., n, k]. y: [..., k, m]. Returns [..., n, m]. Raises ValueError when the two k differ.
    """
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError("both arguments need at least two axes. Use K.dot or K.expand_dims.")
    _math.number_like(x)
    if not compatible(x.shape[-1:], y.shape[-2:-1]):
        raise ValueError(f"the last axis of x and the second-last of y must have one size: {x.shape[-1]} != "
                         f"{y.shape[-2]}. Was the layer built on another input?")
    return Spec((*broadcast(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]), x.dtype)


def _turned(x):
    return permute_dimensions(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


matmul.gradient(
    lambda g, z, x, y: _reduction.sum_to(matmul(g, _turned(y)), x),
    lambda g, z, x, y: _reduction.sum_to(matmul(_turned(x), g), y),
)


def _grouped(x, *groups):
    """x with its axes in the order of the groups, each group as one axis."""
    order = [i for group in groups for i in group]
    x = x if order == list(range(x.ndim)) else permute_dimensions(x, order)
    if all(len(group) == 1 for group in groups):
        return x
    ends = itertools.accumulate(map(len, groups), initial=0)
    return merge_axes(x, [range(a, b) for a, b in itertools.pairwise(ends)])


def dot(x, y):
    """The product over the last axis of x and the second-last of y (the only one, if it has one).

    x: [..., k], a tensor, or a sparse matrix [n, k]. y: [..., k, m]. Returns [x's other axes, y's other axes].
    Raises ValueError when the two k differ.
    """
    if is_sparse(x) or is_sparse(y):
        return sparse_dot(x, y)
    x, y = promoted([x, y])
    if x.ndim == 2 and y.ndim == 2:
        return matmul(x, y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)]), name="dot")


def tensordot(x, y, axes=2, name="tensordot"):
    """The sum of products over pairs of axes.

    axes: an int n (the last n of x with the first n of y), or (axes of x, axes of y).
    Returns [x's other axes, y's other axes]. Raises ValueError where sizes of a pair differ.
    """
    x, y = promoted([x, y])
    if isinstance(axes, int):
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    inner_x, inner_y = ([one_axis(i, t.ndim) for i in a] for t, a in zip((x, y), axes, strict=True))
    return _contracted(name, x, y, [], inner_x, inner_y)


def _contracted(name, x, y, shared, inner_x, inner_y):
    """The sum of products over pairs of inner axes, for each place along the shared ones, which lead the result."""
    for i, j in zip([*shared, *inner_x], [*shared, *inner_y], strict=True):
        if not compatible((x.shape[i],), (y.shape[j],)):
            raise ValueError(f"K.{name}: axis {i} of x and axis {j} of y must have one size: {x.shape[i]} != "
                             f"{y.shape[j]}. Was the layer built on another input?\n  x {show(x)}   y {show(y)}")
    outer_x, outer_y = _without(x, [*shared, *inner_x]), _without(y, [*shared, *inner_y])
    batch = [[i] for i in shared]
    product = matmul(_grouped(x, *batch, outer_x, inner_x), _grouped(y, *batch, inner_y, outer_y))
    if len(outer_x) == len(outer_y) == 1:
        return product
    return reshape(product, [*sizes_of(x, [*shared, *outer_x]), *sizes_of(y, outer_y)])


def _without(x, axes):
    """The axes of x but for these."""
    return [i for i in range(x.ndim) if i not in axes]


def batch_dot(x, y, axes=None):
    """The product over one axis of each, sample by sample.

    x, y: [batch, ...] with at least 2 axes. axes: an axis for both, or (of x, of y); by default the last of x, and of y
    the second-last (the last, if it has two).
    Returns [batch, x's other axes, y's other axes], [batch, 1] if there are none.
    Raises ValueError for fewer axes, the batch axis, or sizes that differ.
    """
    x, y = promoted([x, y])
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError(f"K.batch_dot: x and y need at least two axes.\n  x {show(x)}   y {show(y)}")
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    if len(pair) != 2 or any(isinstance(i, (list, tuple)) for i in pair):
        raise ValueError(f"K.batch_dot: axes is an int or two ints, got {axes!r}. Use K.einsum for more.")
    a, b = (one_axis(i, t.ndim) for i, t in zip(pair, (x, y), strict=True))
    if 0 in (a, b):
        raise ValueError("K.batch_dot: axis 0 is that of the batch; use K.dot or K.einsum to sum over it.")
    product = _contracted("batch_dot", x, y, [0], [a], [b])
    return expand_dims(product, 1) if product.ndim == 1 else product


@op(promote=())
def _einsum(operands: Tensors, equation: str):
    """`einsum` with the axes of the result written out."""
    terms, result = equation.split("->")
    _math.number_like(operands[0])
    sizes = {}
    for term, operand in zip(terms.split(","), operands, strict=True):
        if len(term) != operand.ndim:
            raise ValueError(f'"{term}" in "{equation}" names {len(term)} axes.')
        for letter, n in zip(term, operand.shape, strict=True):
            if None not in (n, sizes.setdefault(letter, n)) and n != sizes[letter]:
                raise ValueError(f'axis "{letter}" of "{equation}" has sizes {sizes[letter]} and {n}.')
            sizes[letter] = sizes[letter] or n
    return Spec(tuple(sizes[letter] for letter in result), operands[0].dtype)


def einsum(equation, *operands):
    """Sums of products in Einstein's notation, e.g. einsum("bij,bjk->bik", x, y).

    equation: axes of each operand as letters; with "->" those of the result, else the letters that occur once, sorted,
    after those of "...". "..." stands for all further axes, which broadcast. A letter that is twice in a term takes the
    diagonal of the two axes. Raises ValueError where terms, operands and sizes do not fit.
    """
    written = equation.replace(" ", "").replace("...", ".")
    terms, arrow, result = written.partition("->")
    terms, operands = terms.split(","), promoted(operands)
    if not arrow:
        letters = "".join(terms)
        result = "." * ("." in letters) + "".join(sorted(c for c in set(letters) - {"."} if letters.count(c) == 1))
    known = set("".join(terms)) | {"."}
    if len(terms) != len(operands) or len(set(result)) != len(result) or not set(result) <= known or not all(
            c.isalpha() or c == "." for c in known) or any(t.count(".") > 1 for t in terms):  # fmt: skip
        raise ValueError(f'K.einsum: "{equation}" with {len(operands)} operands: give each operand a term of letters '
                         'and at most one "...", and in the result letters of the terms, none of them twice.')
    spare = [c for c in string.ascii_letters if c not in known]
    further = [x.ndim - len(t.replace(".", "")) if "." in t else 0 for t, x in zip(terms, operands, strict=True)]
    if min(further) < 0:
        raise ValueError(f'K.einsum: "{equation}" names more axes than operands of {[x.ndim for x in operands]} have.')
    dots = "".join(spare[: max(further)])
    terms = [t.replace(".", dots[len(dots) - n :]) for t, n in zip(terms, further, strict=True)]
    pairs = _without_ones([_diagonals(t, x, equation) for t, x in zip(terms, operands, strict=True)])
    return _einsum([x for _, x in pairs], f"{','.join(t for t, _ in pairs)}->{result.replace('.', dots)}")


def _diagonals(term, x, equation):
    """Term and operand, with one axis in place of two that have the same letter."""
    if len(term) != x.ndim:
        raise ValueError(f'K.einsum: "{term}" in "{equation}" names {len(term)} axes, the operand is {show(x)}.')
    for letter in term:
        if term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            rest = _without(x, (i, j))
            if not compatible((x.shape[i],), (x.shape[j],)):
                raise ValueError(f'K.einsum: the axes "{letter}" in "{equation}" differ in size: {show(x)}.')
            rows, columns = (arange(n) for n in sizes_of(x, (i, j)))
            hit = _math.equal(expand_dims(rows, 1), columns)
            line = _reduction.sum(_math.where(hit, permute_dimensions(x, (*rest, i, j)), 0), -1)
            return _diagonals("".join(term[k] for k in rest) + letter, line, equation)
    return term, x


def _without_ones(pairs):
    """Axes of size 1 dropped where other operands have more there: they broadcast."""
    sizes = {}
    for term, x in pairs:
        for letter, n in zip(term, x.shape, strict=True):
            sizes.setdefault(letter, set()).add(n)
    found = []
    for term, x in pairs:
        ones = [i for i, (c, n) in enumerate(zip(term, x.shape, strict=True)) if n == 1 and len(sizes[c]) > 1]
        for i in reversed(ones):
            x = squeeze(x, i)
        found.append(("".join(c for i, c in enumerate(term) if i not in ones), x))
    return found


@_einsum.gradient
def _einsum_gradient(g, y, operands, equation):
    terms, result = equation.split("->")
    terms = terms.split(",")
    found = []
    for k, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        inputs = [result, *terms[:k], *terms[k + 1 :]]
        known = "".join(inputs)
        kept = "".join(c for c in term if c in known)
        part = _einsum((g, *operands[:k], *operands[k + 1 :]), f"{','.join(inputs)}->{kept}")
        for i, letter in enumerate(term):
            if letter not in known:
                part = expand_dims(part, i)
        found.append(part if kept == term else part * ones_like(operand))
    return tuple(found)


def norm(x, ord=2, axis=None, keepdims=False):  # noqa: A002
    """The vector norm over `axis`. ord: 1, 2, float("inf") or any p > 0. The gradient of the 2-norm at 0 is 0."""
    x = as_tensor(x)
    if ord == 2:
        total = _reduction.sum(_math.square(x), axis, keepdims)
        positive = _math.greater(total, 0.0)
        root = _math.true_sqrt(_math.where(positive, total, 1.0))
        return _math.where(positive, root, 0.0)
    if ord == float("inf"):
        return _reduction.max(_math.abs(x), axis, keepdims)
    if ord == 1:
        return _reduction.sum(_math.abs(x), axis, keepdims)
    return _math.power(_reduction.sum(_math.power(_math.abs(x), ord), axis, keepdims), 1.0 / ord)


def host(make, shape, dtype=None):
    """A tensor whose value a function computes on the host when it is first needed.

    make: () -> array. shape: tuple of ints. dtype: floatx by default.
    """
    return Constant(make=make, shape=tuple(int(n) for n in shape), dtype=dtype_name(dtype))
