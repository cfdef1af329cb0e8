"""ConvLSTM2D: an LSTM over images, in which convolutions take the place of the products."""

from .. import backend as K
from .cells import LSTMCell
from .common import given
from .recurrent import RNN, _CellRNN
from .spatial import Windowed


class ConvLSTM2DCell(LSTMCell, Windowed, rank=2):
    """An LSTM step whose products are convolutions: of the input as the arguments say, of the state with padding
    "same".

    filters: channels of the states and the output. The other arguments are those of Conv2D and LSTMCell.
    Weights: kernel [*kernel_size, channels, 4 * filters], recurrent_kernel [*kernel_size, filters, 4 * filters], bias
    [4 * filters]. Source: Shi et al., Convolutional LSTM Network (NIPS, 2015), without the peephole terms.
    """

    implementation = 1
    output_size = None  # that of the states, which hangs on the image

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 activation="tanh", recurrent_activation="hard_sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, **kwargs):  # fmt: skip
        self._configure(locals())
        self._normalize()

    units = property(lambda self: self.filters, doc="The filters: the cell's code is that of an LSTM.")

    def input_conv(self, x, w, b=None, padding="valid"):
        """The convolution of the inputs."""
        y = K.conv2d(x, w, self.strides, padding, self.data_format, self.dilation_rate)
        return y if b is None else self._add_bias(y, b)

    def recurrent_conv(self, x, w):
        """The convolution of the state, which keeps its size."""
        return K.conv2d(x, w, strides=(1, 1), padding="same", data_format=self.data_format)

    def _input_product(self, x, kernel):
        return self.input_conv(x, kernel, padding=self.padding)

    def _recurrent_product(self, h, kernel):
        return self.recurrent_conv(h, kernel)


class ConvRNN2D(RNN):
    """Runs a convolutional cell over the time steps of [batch, time, *image]. The arguments are those of RNN."""

    input_ndim = 5

    def _state_shapes(self, input_shape):
        shape = self.cell.compute_output_shape((input_shape[0], *input_shape[2:]))
        return [shape for _ in self._state_sizes]

    def get_initial_state(self, inputs):
        # A convolution with a kernel of zeros gives zeros of the right shape, whatever is unknown of it.
        cell = self.cell
        shape = (*K.int_shape(cell.kernel)[:-1], cell.filters)
        zeros = cell.input_conv(K.zeros_like(inputs[:, 0]), K.zeros(shape), padding=cell.padding)
        return [zeros for _ in self._state_sizes]


class ConvLSTM2D(_CellRNN, ConvRNN2D, cell=ConvLSTM2DCell):
    __doc__ = (ConvLSTM2DCell.__doc__ or "") + "\n    Input [batch, time, *image]; further arguments are those of RNN."

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 activation="tanh", recurrent_activation="hard_sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 return_sequences=False, go_backwards=False, stateful=False, dropout=0.0, recurrent_dropout=0.0,
                 **kwargs):  # fmt: skip
        super().__init__(**given(locals()))
