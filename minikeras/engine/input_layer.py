"""Input: where a graph of layers begins."""

from .. import backend as K
from ..legacy import interfaces
from .base_layer import Layer
from .node import Node


class InputLayer(Layer):
    """The layer of a tensor that is fed, or, with `input_tensor`, of one that comes from elsewhere.

    input_shape: tuple without the batch; or batch_input_shape: with it; batch_size: size of the batch, if fixed.
    dtype: default floatx, or that of input_tensor. sparse: whether the data are sparse.
    """

    @interfaces.legacy_input_support
    def __init__(self, input_shape=None, batch_size=None, batch_input_shape=None, dtype=None, input_tensor=None,
                 sparse=False, name=None):  # fmt: skip
        if not name:
            name = f"input_{K.get_uid('input')}"
        if input_tensor is not None:
            batch_input_shape = batch_input_shape or K.int_shape(input_tensor)
            dtype = dtype or K.dtype(input_tensor)
        elif batch_input_shape is None:
            if input_shape is None:
                raise ValueError(f"InputLayer {name!r}: give input_shape, or batch_input_shape, or input_tensor.")
            batch_input_shape = (batch_size, *input_shape)
        elif input_shape is not None:
            raise ValueError(f"InputLayer {name!r}: give input_shape or batch_input_shape, not both.")
        super().__init__(dtype=dtype or K.floatx(), name=name)
        self.batch_input_shape, self.sparse, self.supports_masking = tuple(batch_input_shape), sparse, True
        self.built, self.trainable = True, False
        self.is_placeholder = input_tensor is None or K.is_placeholder(input_tensor)
        if input_tensor is None:
            input_tensor = K.placeholder(shape=self.batch_input_shape, dtype=self.dtype, sparse=sparse, name=name)
        input_tensor._uses_learning_phase = False
        input_tensor._keras_shape = self.batch_input_shape
        input_tensor._keras_history = (self, 0, 0)
        Node.source(self, [input_tensor], [input_tensor], [None])

    def __reduce__(self):
        return self.from_config, (self.get_config(),)

    def get_config(self):
        """The shape with the batch, the dtype, sparse and the name."""
        return {"batch_input_shape": self.batch_input_shape, "dtype": self.dtype, "sparse": self.sparse,
                "name": self.name}  # fmt: skip


@interfaces.legacy_input_support
def Input(shape=None, batch_shape=None, name=None, dtype=None, sparse=False, tensor=None):
    """A tensor to begin a model with.

    shape: tuple without the batch, None for sizes that vary; or batch_shape: with the batch. name: of its layer.
    dtype: default floatx. sparse: whether it is fed with sparse matrices. tensor: make it of this tensor instead, which
    is then not fed. Raises ValueError without a shape or tensor.
    """
    if shape is None and batch_shape is None and tensor is None:
        raise ValueError("Input: give the shape of one sample, as in Input(shape=(32,)), or batch_shape, the shape "
                         "with the batch; use None for sizes that vary.")  # fmt: skip
    if shape is not None and batch_shape is not None:
        raise ValueError(f"Input: give shape ({shape}) or batch_shape ({batch_shape}), not both.")
    shape = (shape,) if isinstance(shape, int) else shape
    batch_shape = tuple(batch_shape) if batch_shape is not None else shape and (None, *shape)
    if shape == ():
        batch_shape = (None,)
    layer = InputLayer(batch_input_shape=batch_shape, name=name, dtype=dtype, sparse=sparse, input_tensor=tensor)
    return layer._inbound_nodes[0].output_tensors[0]
