"""Batch, layer and group normalization."""

from .. import backend as K
from ..engine.base_layer import InputSpec
from ..engine.config import who
from .common import Elementwise, adopt, known, new_weight, sizes_of


class BatchNormalization(Elementwise):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over all axes but `axis`.

    In training they are those of the batch, and moving averages keep `momentum` of their old value at each step; at
    test time they are the moving averages. axis: the axis of the features. center, scale: whether there are beta and
    gamma. Weights, each [features]: gamma, beta, moving_mean, moving_variance. Source: Ioffe and Szegedy (ICML, 2015).
    """

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                 **kwargs):  # fmt: skip
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
        unbiased = variance * (count / (count - (1.0 + self.epsilon)))
        pairs = ((self.moving_mean, mean), (self.moving_variance, unbiased))
        self.add_update([K.moving_average_update(old, new, self.momentum) for old, new in pairs], inputs)
        return K.in_train_phase(normed, at_test, training=training)


class LayerNormalization(Elementwise):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of each sample over `axis`.

    axis: an int or several. center, scale: whether there are beta and gamma. Weights: gamma, beta [*sizes of axis].
    Source: Ba, Kiros and Hinton, Layer Normalization (2016).
    """

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                 gamma_constraint=None, **kwargs):  # fmt: skip
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
        gamma, beta = (w if w is None or axes == [K.ndim(inputs) - 1] else K.reshape(w, shape)
                       for w in (self.gamma, self.beta))  # fmt: skip
        return K.layer_normalization(inputs, gamma, beta, axes, self.epsilon)


class GroupNormalization(Elementwise):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of each sample over all axes, for
    each of `groups` groups of neighbouring channels.

    groups: must divide the number of channels; 1: layer normalization over all axes; -1: as many as channels (instance
    normalization). axis: of the channels. center, scale: whether there are beta and gamma. Weights, each [channels]:
    gamma, beta. Source: Wu and He, Group Normalization (2018).
    """

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                 gamma_constraint=None, **kwargs):  # fmt: skip
        adopt(self, locals())

    def build(self, input_shape):
        channels = known(self, input_shape, self.axis, "channels")
        if self.groups != -1 and (self.groups < 1 or channels % self.groups):
            raise ValueError(f"{who(self)}: groups={self.groups} does not divide the {channels} channels on axis "
                             f"{self.axis} of its input, of shape {tuple(input_shape)}.")  # fmt: skip
        self.gamma = new_weight(self, "gamma", (channels,)) if self.scale else None
        self.beta = new_weight(self, "beta", (channels,)) if self.center else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self.built = True

    def call(self, inputs):
        axis, rank = self.axis % K.ndim(inputs), K.ndim(inputs)
        sizes = sizes_of(inputs)
        groups = sizes[axis] if self.groups == -1 else self.groups
        grouped = K.reshape(inputs, [*sizes[:axis], groups, sizes[axis] // groups, *sizes[axis + 1 :]])
        outputs = K.layer_normalization(grouped, axis=[i for i in range(1, rank + 1) if i != axis],
                                        epsilon=self.epsilon)  # fmt: skip
        outputs = K.reshape(outputs, sizes)
        shape = [n if i == axis else 1 for i, n in enumerate(sizes)]
        outputs = outputs * K.reshape(self.gamma, shape) if self.scale else outputs
        return outputs + K.reshape(self.beta, shape) if self.center else outputs
