"""Batch and layer normalization."""

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from .common import adopt, known, new_weight


class BatchNormalization(Layer):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over all axes but `axis`.

    In training they are those of the batch, and moving averages keep `momentum` of their old value at each step; at
    test time they are the moving averages. axis: the axis of the features. center, scale: whether there are beta and
    gamma. Weights, each [features]: gamma, beta, moving_mean, moving_variance. Source: Ioffe and Szegedy (ICML, 2015).
    """

    def __init__(
        self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
        gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.supports_masking = True
        adopt(self, locals())

    def build(self, input_shape):
        shape = (known(self, input_shape, self.axis),)
        self.gamma = new_weight(self, "gamma", shape) if self.scale else None
        self.beta = new_weight(self, "beta", shape) if self.center else None
        self.moving_mean = new_weight(self, "moving_mean", shape, trainable=False)
        self.moving_variance = new_weight(self, "moving_variance", shape, trainable=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        self.built = True

    def call(self, inputs, training=None):
        def at_test():
            weights = (self.moving_mean, self.moving_variance, self.beta, self.gamma)
            return K.batch_normalization(inputs, *weights, axis=self.axis, epsilon=self.epsilon)

        if training in (0, False):
            return at_test()
        axes = [i for i in range(K.ndim(inputs)) if i != self.axis % K.ndim(inputs)]
        normed, mean, variance = K.normalize_batch_in_training(inputs, self.gamma, self.beta, axes, self.epsilon)
        count = K.cast(K.prod(K.stack([K.shape(inputs)[i] for i in axes])), K.dtype(inputs))
        self._follow(mean, variance * (count / (count - (1.0 + self.epsilon))), inputs)
        return K.in_train_phase(normed, at_test, training=training)

    def _follow(self, mean, variance, inputs):
        pairs = ((self.moving_mean, mean), (self.moving_variance, variance))
        self.add_update([K.moving_average_update(old, new, self.momentum) for old, new in pairs], inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


class LayerNormalization(Layer):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of each sample over `axis`.

    axis: an int or several. center, scale: whether there are beta and gamma. Weights: gamma, beta [*sizes of axis].
    Source: Ba, Kiros and Hinton, Layer Normalization (2016).
    """

    def __init__(
        self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.supports_masking = True
        adopt(self, locals())

    def _axes(self, rank):
        axes = self.axis if isinstance(self.axis, (list, tuple)) else [self.axis]
        return sorted(axis % rank for axis in axes)

    def build(self, input_shape):
        shape = [known(self, input_shape, axis) for axis in self._axes(len(input_shape))]
        self.gamma = new_weight(self, "gamma", shape) if self.scale else None
        self.beta = new_weight(self, "beta", shape) if self.center else None
        self.built = True

    def call(self, inputs):
        axes = self._axes(K.ndim(inputs))
        shape = [K.int_shape(inputs)[i] if i in axes else 1 for i in range(K.ndim(inputs))]
        centered = inputs - K.mean(inputs, axis=axes, keepdims=True)
        outputs = centered / K.sqrt(K.mean(K.square(centered), axis=axes, keepdims=True) + self.epsilon)
        if self.scale:
            outputs = outputs * K.reshape(self.gamma, shape)
        return outputs + K.reshape(self.beta, shape) if self.center else outputs

    def compute_output_shape(self, input_shape):
        return input_shape
