"""Noise in training, the identity at test time. All keep shape and mask."""

from .. import backend as K
from ..activations import SELU_ALPHA, SELU_SCALE
from .common import Elementwise, Noisy, adopt


class GaussianNoise(Elementwise):
    """Add noise of mean 0 and standard deviation `stddev`."""

    def __init__(self, stddev, **kwargs):
        adopt(self, locals())

    def call(self, inputs, training=None):
        def noised():
            return inputs + K.random_normal(K.shape(inputs), 0.0, self.stddev, dtype=K.dtype(inputs))

        return K.in_train_phase(noised, inputs, training=training)


class GaussianDropout(Noisy):
    """Multiply by noise of mean 1 and standard deviation sqrt(rate / (1 - rate)).

    Source: Srivastava et al., Dropout (JMLR, 2014), section 10.
    """

    def __init__(self, rate, **kwargs):
        adopt(self, locals())

    def noised(self, inputs):
        stddev = (self.rate / (1.0 - self.rate)) ** 0.5
        return inputs * K.random_normal(K.shape(inputs), 1.0, stddev, dtype=K.dtype(inputs))


class AlphaDropout(Noisy):
    """Dropout that keeps mean and variance of inputs as selu gives them: dropped elements become selu's lower limit,
    and an affine map restores the moments.

    noise_shape: shape of the mask, broadcast to the input. Source: Klambauer et al. (NIPS, 2017), section 2.
    """

    _not_stored = ("noise_shape", "seed")  # by Keras 2 neither

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        adopt(self, locals())

    def noised(self, inputs):
        shape = K.shape(inputs) if self.noise_shape is None else self.noise_shape
        kept = K.cast(K.greater_equal(K.random_uniform(shape, seed=self.seed), self.rate), K.dtype(inputs))
        limit = -SELU_ALPHA * SELU_SCALE
        a = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        return a * (inputs * kept + limit * (1 - kept)) - a * limit * self.rate
