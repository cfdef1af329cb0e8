"""Embedding: integers to vectors."""

from .. import backend as K
from ..engine.base_layer import Layer
from ..engine.config import who
from ..utils.generic_utils import to_list
from .common import adopt, new_weight


class Embedding(Layer):
    """Row i of a table for each integer i: [batch, ...] ints in [0, input_dim) to [batch, ..., output_dim].

    mask_zero: whether 0 stands for padding, to be masked in the layers that follow.
    input_length: length of the sequences (or a tuple), where it is constant. Weights: embeddings [input_dim,
    output_dim]. Source: Gal and Ghahramani (NIPS, 2016) for its use with dropout.
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None,
                 activity_regularizer=None, embeddings_constraint=None, mask_zero=False, input_length=None,
                 **kwargs):  # fmt: skip
        if "batch_input_shape" not in kwargs:
            kwargs.setdefault("input_shape", tuple(to_list(input_length, allow_tuple=True)))
        adopt(self, locals())
        self.supports_masking = mask_zero

    def build(self, input_shape):
        self.compute_output_shape(input_shape)  # raises early when the lengths differ
        self.embeddings = new_weight(self, "embeddings", (self.input_dim, self.output_dim))
        self.built = True

    def compute_mask(self, inputs, mask=None):
        return K.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        if self.input_length is None:
            return (*input_shape, self.output_dim)
        lengths, sizes = to_list(self.input_length, allow_tuple=True), input_shape[1:]
        if len(lengths) != len(sizes) or any(a and b and a != b for a, b in zip(lengths, sizes, strict=True)):
            raise ValueError(f"{who(self)} was made with input_length {self.input_length}, but the input has shape "
                             f"{tuple(input_shape)}.")  # fmt: skip
        return (input_shape[0], *(b or a for a, b in zip(lengths, sizes, strict=True)), self.output_dim)

    def call(self, inputs):
        return K.gather(self.embeddings, inputs if K.dtype(inputs) == "int32" else K.cast(inputs, "int32"))
