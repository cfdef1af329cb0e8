"""Learning rates that follow the number of steps: `Adam(schedules.CosineDecay(0.01, 10_000))`."""

import math

from .. import backend as K
from ..utils.generic_utils import Configured, deserialize_keras_object, serialize_keras_object


class LearningRateSchedule(Configured):
    """Base of schedules. A subclass defines `__call__(self, step)`: the learning rate, a scalar tensor.

    step: the number of steps that the optimizer has made, a scalar tensor of floats (or a number). A subclass that
    keeps its arguments in attributes of their names needs no get_config.
    """

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(self, step).")


class _Formula(LearningRateSchedule):
    """A schedule that is a function of the step and of its attributes: `rate(step)`."""

    def __call__(self, step):
        return self.rate(step if K.is_tensor(step) else K.constant(step))


def _step(fraction, staircase):
    return K.floor(fraction) if staircase else fraction


class ExponentialDecay(_Formula):
    """initial_learning_rate * decay_rate ** (step / decay_steps). staircase: the exponent is rounded down."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name=None):
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def rate(self, step):
        power = K.pow(K.constant(self.decay_rate), _step(step / self.decay_steps, self.staircase))
        return self.initial_learning_rate * power


class InverseTimeDecay(ExponentialDecay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps). staircase: step / decay_steps is rounded down."""

    def rate(self, step):
        return self.initial_learning_rate / (1.0 + self.decay_rate * _step(step / self.decay_steps, self.staircase))


class PolynomialDecay(_Formula):
    """From initial_learning_rate to end_learning_rate in decay_steps, as (1 - step / decay_steps) ** power.

    cycle: begin again from above at the end, each time with as many decay_steps more; else the end stays.
    """

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None):
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def rate(self, step):
        done = step / self.decay_steps
        done = done / K.maximum(1.0, -K.floor(-done)) if self.cycle else K.minimum(done, 1.0)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * K.pow(1.0 - done, self.power) + self.end_learning_rate


class PiecewiseConstantDecay(_Formula):
    """values[i] up to the step boundaries[i], itself included; values[-1] after the last. One value more than
    boundaries; a ValueError is raised otherwise."""

    def __init__(self, boundaries, values, name=None):
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"PiecewiseConstantDecay: there has to be one value more than boundaries, got "
                             f"{len(boundaries)} boundaries and {len(values)} values.")  # fmt: skip
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def rate(self, step):
        rate = K.constant(self.values[-1])
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = K.switch(step <= boundary, K.constant(value), rate)
        return rate


def _cosine(fraction, alpha, height=1.0):
    """From `height` at 0 down to `alpha` at 1, as half a cosine."""
    return (1.0 - alpha) * 0.5 * height * (1.0 + K.cos(math.pi * fraction)) + alpha


class CosineDecay(_Formula):
    """Down to alpha times the start in decay_steps, as half a cosine. Source: Loshchilov and Hutter (2017).

    warmup_target: with it, first up to it from initial_learning_rate in warmup_steps, linearly; then down from it.
    """

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name=None, warmup_target=None, warmup_steps=0):
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps

    def rate(self, step):
        start, top = self.initial_learning_rate, self.warmup_target
        if top is None:
            return start * _cosine(K.minimum(step / self.decay_steps, 1.0), self.alpha)
        down = top * _cosine(K.clip((step - self.warmup_steps) / self.decay_steps, 0.0, 1.0), self.alpha)
        up = start + (top - start) * step / max(1, self.warmup_steps)
        return K.switch(step < self.warmup_steps, up, down)


class CosineDecayRestarts(_Formula):
    """Cosines as in CosineDecay, one after the other: the first takes first_decay_steps, each next one t_mul times as
    many, and begins at m_mul times the rate. Source: Loshchilov and Hutter (2017)."""

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None):
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def rate(self, step):
        done, t = step / self.first_decay_steps, self.t_mul
        # The logarithm may fall short of a whole number by its rounding error.
        restarts = done if t == 1 else K.log(1.0 + done * (t - 1.0)) / math.log(t)
        restarts = K.floor(restarts + 1e-5)
        length = K.pow(K.constant(t), restarts)
        fraction = done - restarts if t == 1 else (done - (length - 1.0) / (t - 1.0)) / length
        height = K.pow(K.constant(self.m_mul), restarts)
        return self.initial_learning_rate * _cosine(fraction, self.alpha, height)


_CLASSES = {c.__name__: c for c in (ExponentialDecay, InverseTimeDecay, PolynomialDecay, PiecewiseConstantDecay,
                                    CosineDecay, CosineDecayRestarts)}  # fmt: skip


def serialize(schedule):
    """{"class_name", "config"} of a schedule."""
    return serialize_keras_object(schedule)


def deserialize(config, custom_objects=None):
    """The schedule of a config. Raises ValueError for unknown names."""
    return deserialize_keras_object(config, _CLASSES, custom_objects, "schedule of the learning rate")
