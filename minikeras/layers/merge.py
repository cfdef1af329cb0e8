"""Layers of several inputs: sums, products, extremes, concatenation, dot products."""

import functools
import itertools
import operator

from .. import backend as K
from ..engine.base_layer import Layer
from ..engine.config import who
from ..utils.generic_utils import is_all_none
from .common import adopt


def broadcast_shape(a, b, layer):
    """The shape, without the batch, of an elementwise operation on two; the shorter is put at the end of the longer."""
    pairs = list(itertools.zip_longest(reversed(a), reversed(b), fillvalue=1))
    if any(None not in pair and 1 not in pair and pair[0] != pair[1] for pair in pairs):
        raise ValueError(f"{who(layer)} cannot bring its inputs to one shape: samples of shape {tuple(a)} and "
                         f"{tuple(b)}; sizes must be equal, or 1.")  # fmt: skip
    return tuple(None if None in (m, n) else n if m == 1 else m for m, n in reversed(pairs))


class _Merge(Layer):
    """Base of the layers of several inputs. Inputs: a list of tensors with one batch size."""

    supports_masking = True
    operation = count = None  # of two inputs; the number of inputs, where it is fixed

    def build(self, input_shape):
        self._check_list(input_shape)
        self.compute_output_shape(input_shape)
        self.built = True

    def _check_list(self, shapes):
        if not isinstance(shapes, list) or len(shapes) < 2:
            raise ValueError(f"{who(self)} should be called on a list of at least 2 tensors, got shape(s) {shapes}.")
        if self.count and len(shapes) != self.count:
            raise ValueError(f"{who(self)} should be called on exactly {self.count} inputs, got {len(shapes)}.")
        sizes = {shape[0] for shape in shapes if shape[0] is not None}
        if len(sizes) > 1:
            raise ValueError(f"{who(self)}: the inputs have different batch sizes: shapes {shapes}.")

    def call(self, inputs):
        if not isinstance(inputs, list):
            raise ValueError(f"{who(self)} should be called on a list of tensors, got {inputs!r}.")
        rank = max(K.ndim(x) for x in inputs)
        return self._merge_function([self._with_rank(x, rank) for x in inputs])

    def _merge_function(self, inputs):
        return functools.reduce(self.operation, inputs)

    @staticmethod
    def _with_rank(x, rank):
        """x with axes of size 1 after the batch."""
        for _ in range(rank - K.ndim(x)):
            x = K.expand_dims(x, axis=1)
        return x

    def compute_output_shape(self, input_shape):
        sample = functools.reduce(lambda a, b: broadcast_shape(a, b, self), [shape[1:] for shape in input_shape])
        batches = {shape[0] for shape in input_shape if shape[0] is not None}
        return (batches.pop() if len(batches) == 1 else None, *sample)

    def compute_mask(self, inputs, mask=None):
        """None where there is no mask, else what `_merge_masks` makes of them."""
        if mask is None:
            return None
        if not (isinstance(mask, list) and isinstance(inputs, list) and len(mask) == len(inputs)):
            raise ValueError(f"{who(self)}: expected a list with a mask (or None) for each input, got {mask!r}.")
        return None if is_all_none(mask) else self._merge_masks(inputs, mask)

    def _merge_masks(self, inputs, masks):
        """The logical and of the masks that there are."""
        return functools.reduce(K.logical_and, [m for m in masks if m is not None])


class Add(_Merge):
    """The sum of the inputs, which are broadcast."""

    operation = operator.add


class Subtract(_Merge):
    """The first of two inputs minus the second."""

    operation, count = operator.sub, 2


class Multiply(_Merge):
    """The elementwise product of the inputs, which are broadcast."""

    operation = operator.mul


class Average(Add):
    """The elementwise mean of the inputs, which are broadcast."""

    def _merge_function(self, inputs):
        return super()._merge_function(inputs) / len(inputs)


class Maximum(_Merge):
    """The elementwise maximum of the inputs, which are broadcast."""

    operation = staticmethod(K.maximum)


class Minimum(_Merge):
    """The elementwise minimum of the inputs, which are broadcast."""

    operation = staticmethod(K.minimum)


class Concatenate(_Merge):
    """The inputs one after the other along `axis`; all other sizes must be equal."""

    def __init__(self, axis=-1, **kwargs):
        adopt(self, locals())

    def build(self, input_shape):
        self._check_list(input_shape)
        rest = [[n for i, n in enumerate(s) if i != self.axis % len(s)] for s in input_shape]
        one_rank = len({len(shape) for shape in rest}) == 1
        if not one_rank or any(len({*sizes} - {None}) > 1 for sizes in zip(*rest, strict=True)):
            raise ValueError(f"{who(self)}: the inputs must have the same shape but for axis {self.axis}, got shapes "
                             f"{input_shape}.")  # fmt: skip
        self.built = True

    def call(self, inputs):
        return K.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape):
        self._check_list(input_shape)
        shape = list(input_shape[0])
        sizes = [other[self.axis] for other in input_shape]
        shape[self.axis] = None if None in sizes else sum(sizes)
        return tuple(shape)

    def _merge_masks(self, inputs, masks):
        """The masks one after the other, where there is none all true; over the last axis, their logical and."""
        masks = [self._full_mask(x, m) for x, m in zip(inputs, masks, strict=True)]
        return K.all(K.concatenate(masks, axis=self.axis), axis=-1)

    @staticmethod
    def _full_mask(x, mask):
        if mask is None:
            return K.ones_like(x[..., :1], dtype="bool")
        for _ in range(K.ndim(x) - K.ndim(mask)):
            mask = K.expand_dims(mask)
        return mask


class Dot(_Merge):
    """The dot products of two inputs' samples along one axis of each.

    axes: an int, or one for each input; axis 0 is the batch. normalize: scale both to length 1 along it first, which
    gives the cosine similarity. Output: the other axes of the first sample, then those of the second; [batch, 1] if
    none.
    """

    count = 2

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        pair = isinstance(axes, (list, tuple)) and len(axes) == 2 and all(isinstance(a, int) for a in axes)
        if not isinstance(axes, int) and not pair:
            raise TypeError(f"{who(self)}: axes must be an int or two ints, got {axes!r}.")
        self.axes, self.normalize = axes, normalize

    def _axes(self, ranks):
        axes = self.axes if isinstance(self.axes, (list, tuple)) else [self.axes] * 2
        return [axis % rank for axis, rank in zip(axes, ranks, strict=True)]

    def build(self, input_shape):
        self._check_list(input_shape)
        axes = self._axes([len(shape) for shape in input_shape])
        m, n = (shape[axis] for shape, axis in zip(input_shape, axes, strict=True))
        if None not in (m, n) and m != n:
            raise ValueError(f"{who(self)}: the inputs must have one size along the axes {axes}, got shapes "
                             f"{input_shape}: {m} and {n}.")  # fmt: skip
        self.built = True

    def call(self, inputs):
        axes = self._axes([K.ndim(x) for x in inputs])
        if self.normalize:
            inputs = [K.l2_normalize(x, axis=axis) for x, axis in zip(inputs, axes, strict=True)]
        return K.batch_dot(*inputs, axes)

    def compute_output_shape(self, input_shape):
        axes = self._axes([len(shape) for shape in input_shape])
        pairs = zip(input_shape, axes, strict=True)
        rest = [n for shape, axis in pairs for i, n in enumerate(shape) if i not in (0, axis)]
        return (input_shape[0][0], *(rest or [1]))

    def compute_mask(self, inputs, mask=None):
        return None


def _function(cls):
    def function(inputs, **kwargs):
        return cls(**kwargs)(inputs)

    function.__name__ = function.__qualname__ = cls.__name__.lower()
    function.__doc__ = f"`{cls.__name__}(**kwargs)(inputs)`."
    return function


add, subtract, multiply = map(_function, (Add, Subtract, Multiply))
average, maximum, minimum = map(_function, (Average, Maximum, Minimum))


def concatenate(inputs, axis=-1, **kwargs):
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes, normalize=False, **kwargs):
    """`Dot(axes, normalize, **kwargs)(inputs)`."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
