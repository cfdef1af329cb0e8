"""CuDNNGRU and CuDNNLSTM: GRU and LSTM with the weights as cuDNN has them, a bias for each side. They run anywhere."""

from .. import backend as K
from .cells import GRUCell, LSTMCell, _parts
from .common import given
from .recurrent import _CellRNN


class _CuDNNKernels:
    """cuDNN reads the memory of each gate's kernel as [units, inputs], row by row, though its shape is [inputs, units].

    So saved weights of these layers give the same numbers here, but not in LSTM and GRU, unless they are converted.
    """

    def _bias_shape(self):
        return (2 * self.gates * self.units,)

    def _matrix(self, kernel):
        return K.concatenate([K.transpose(K.reshape(gate, (self.units, -1))) for gate in _parts(kernel, self.gates)])

    def _weights(self):
        width = self.gates * self.units
        return *map(self._matrix, (self.kernel, self.recurrent_kernel)), self.bias[:width], self.bias[width:]


class _CuDNNGRUCell(_CuDNNKernels, GRUCell):
    """A GRU cell with reset_after whose two biases lie in a row: first that of the inputs."""

    def __init__(self, units, kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, **kwargs):  # fmt: skip
        super().__init__(reset_after=True, **given(locals()))


class _CuDNNLSTMCell(_CuDNNKernels, LSTMCell):
    """An LSTM cell with a bias for the inputs and one for the state, in a row."""

    def __init__(self, units, kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None,
                 bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 **kwargs):  # fmt: skip
        super().__init__(**given(locals()))

    def _forget_slice(self):
        return slice(5 * self.units, 6 * self.units)

    def _weights(self):
        *kernels, bias, recurrent_bias = super()._weights()
        return *kernels, bias + recurrent_bias, None


class CuDNNGRU(_CellRNN, cell=_CuDNNGRUCell):
    """GRU(reset_after=True) with one bias [6 * units]: that of the inputs, then that of the state.

    go_backwards (keyword): run from the last step to the first. The other arguments are those of GRU.
    """

    _not_stored = ("cell", "unroll")

    def __init__(self, units, kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 return_sequences=False, return_state=False, stateful=False, **kwargs):  # fmt: skip
        super().__init__(**given(locals()))


class CuDNNLSTM(_CellRNN, cell=_CuDNNLSTMCell):
    """LSTM with one bias [8 * units]: that of the inputs, then that of the state.

    go_backwards (keyword): run from the last step to the first. The other arguments are those of LSTM.
    """

    _not_stored = ("cell", "unroll")

    def __init__(self, units, kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, return_sequences=False, return_state=False, stateful=False,
                 **kwargs):  # fmt: skip
        super().__init__(**given(locals()))
