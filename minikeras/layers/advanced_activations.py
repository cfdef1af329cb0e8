"""Activations with parameters, or with weights of their own."""

from .. import activations
from .. import backend as K
from ..engine.base_layer import InputSpec
from .common import Elementwise, adopt, new_weight


def _floatx(value):
    """A number rounded to the default float type, which is what configs show."""
    return value if value is None else float(K.cast_to_floatx(value))


class LeakyReLU(Elementwise):
    """x where x >= 0, alpha * x below. Source: Maas et al. (ICML, 2013)."""

    def __init__(self, alpha=0.3, **kwargs):
        super().__init__(**kwargs)
        self.alpha = _floatx(alpha)

    def call(self, inputs):
        return K.relu(inputs, alpha=self.alpha)


class PReLU(Elementwise):
    """x where x >= 0, alpha * x below, with a learned alpha for each element of a sample.

    shared_axes: axes (from 1) along which one alpha serves for all, e.g. [1, 2] for images with the channels last.
    Weights: alpha [*input_shape[1:]] with 1 for shared axes. Source: He et al. (ICCV, 2015).
    """

    def __init__(self, alpha_initializer="zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None,
                 **kwargs):  # fmt: skip
        adopt(self, locals())
        if shared_axes is not None:
            self.shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape):
        shared = self.shared_axes or ()
        shape = [1 if axis in shared else n for axis, n in enumerate(input_shape) if axis]
        self.alpha = new_weight(self, "alpha", shape)
        axes = {axis: n for axis, n in enumerate(input_shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)
        self.built = True

    def call(self, inputs, mask=None):
        return K.relu(inputs) - self.alpha * K.relu(-inputs)


class ELU(Elementwise):
    """x where x >= 0, alpha * (exp(x) - 1) below. Source: Clevert et al. (ICLR, 2016)."""

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = _floatx(alpha)

    def call(self, inputs):
        return K.elu(inputs, self.alpha)


class ThresholdedReLU(Elementwise):
    """x where x > theta, else 0. Source: Konda et al. (2014)."""

    def __init__(self, theta=1.0, **kwargs):
        super().__init__(**kwargs)
        self.theta = _floatx(theta)

    def call(self, inputs, mask=None):
        return inputs * K.cast(K.greater(inputs, self.theta), K.dtype(inputs))


class Softmax(Elementwise):
    """exp(x) / sum(exp(x)) over `axis`."""

    def __init__(self, axis=-1, **kwargs):
        adopt(self, locals())

    def call(self, inputs):
        return activations.softmax(inputs, axis=self.axis)


class ReLU(Elementwise):
    """min(x, max_value) where x >= threshold, negative_slope * (x - threshold) below."""

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        self.max_value, self.negative_slope, self.threshold = map(_floatx, (max_value, negative_slope, threshold))

    def call(self, inputs):
        return K.relu(inputs, alpha=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


class GELU(Elementwise):
    """x times the normal distribution function of x; approximate: by its approximation with tanh."""

    def __init__(self, approximate=False, **kwargs):
        adopt(self, locals())

    def call(self, inputs):
        return activations.gelu(inputs, self.approximate)


class Swish(Elementwise):
    """x * sigmoid(x)."""

    def call(self, inputs):
        return activations.swish(inputs)
