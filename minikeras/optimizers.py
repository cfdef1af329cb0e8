"""Optimizers: from the gradients of a loss to updates of the weights.

A rule says what one step does to one parameter p, given its gradient g and its state. Scalars such as the decayed
learning rate are computed once a step. Step n = 0, 1, 2, ... sees n as the count of steps before it: the learning rate
is learning_rate / (1 + decay n), and the t of bias corrections is n + 1.

All take the keyword arguments clipnorm (the gradients are scaled down together, such that their common norm is at most
this), clipvalue (every element is clipped to +-this), and, where it has a meaning, decay.
"""

import numpy as np

from . import backend as K
from .legacy import interfaces
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object

# Running means of squares are never negative: K.sqrt would look for such elements each time.
root = K.true_sqrt


def clip_norm(g, c, n):
    """g scaled by c / n where n, its norm, is at least c. c: a number; not positive: g as it is."""
    return g if c <= 0 else g * K.switch(n >= c, c / n, K.ones_like(n))


class _Hyper:
    """An attribute that is a scalar variable of the graph. Setting it to a number changes the value of the variable,
    also for models that are compiled already."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, optimizer, owner):
        if optimizer is None:
            return self
        if self.name not in optimizer.__dict__:
            raise AttributeError(f"{type(optimizer).__name__} has no {self.name} yet: it is set by the constructor.")
        return optimizer.__dict__[self.name]

    def __set__(self, optimizer, value):
        known = optimizer.__dict__.get(self.name)
        if K.is_tensor(value):
            optimizer.__dict__[self.name] = value
        elif known is not None:
            K.set_value(known, value)
        else:
            with K.name_scope(type(optimizer).__name__):
                optimizer.__dict__[self.name] = K.variable(value, name=self.name)


class Optimizer:
    """Base of optimizers.

    A subclass defines `rule` and, if it keeps state, `slots`, the names of what it keeps for each parameter; or it
    overrides `get_updates` altogether. Raises TypeError for unknown keyword arguments.

    iterations: variable, the number of steps so far. weights: it, and the state: all that a checkpoint needs.
    """

    slots = ()
    settings = ()  # names of the constructor's arguments
    _late_weight = (0, 0)  # index and start value of the weight that files of Keras 2.2 do not have

    def __init__(self, **kwargs):
        unknown = sorted(set(kwargs) - {"clipnorm", "clipvalue"})
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown keyword arguments {unknown}; it takes "
                            f"{[*self.settings, 'clipnorm', 'clipvalue']}.")  # fmt: skip
        self.clipnorm, self.clipvalue = kwargs.get("clipnorm"), kwargs.get("clipvalue")
        self.updates, self.weights = [], []
        with K.name_scope(type(self).__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")

    def _set(self, kwargs, **defaults):
        """Set the constructor's arguments as attributes, taking out of kwargs those that are there."""
        if "lr" in kwargs:
            defaults["learning_rate"] = kwargs.pop("lr")
        values = {name: kwargs.pop(name, default) for name, default in defaults.items()}
        for name, value in values.items():
            setattr(self, name, K.epsilon() if name == "epsilon" and value is None else value)
        self.settings = tuple(values)
        # Whether there is any decay is settled with the construction: without it nothing is computed.
        self.initial_decay = values.get("decay", 0.0)

    @property
    def lr(self):
        """The learning rate, by its former name."""
        return self.learning_rate

    @lr.setter
    def lr(self, value):
        self.learning_rate = value

    def get_gradients(self, loss, params):
        """The gradients of the scalar loss with respect to params, clipped as asked.

        Raises ValueError if the loss does not depend on a parameter.
        """
        grads = K.gradients(loss, params)
        lost = [p.name for p, g in zip(params, grads, strict=True) if g is None]
        if lost:
            raise ValueError(f"The loss has no gradient with respect to {lost}: either it does not depend on them, or "
                             "only by way of operations without a gradient (K.argmax, K.round, comparisons). Set "
                             "trainable = False on the layers that shall not learn.")  # fmt: skip
        if self.clipnorm is not None and self.clipnorm > 0:
            norm = K.sqrt(sum(K.sum(K.square(g)) for g in grads))
            grads = [clip_norm(g, self.clipnorm, norm) for g in grads]
        if self.clipvalue is not None and self.clipvalue > 0:
            grads = [K.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        """The updates of one step, as a list for K.function. loss: scalar tensor. params: list of variables."""
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        state = [self.make_slot(name, params) for name in self.slots]
        self.weights = [self.iterations, *self.shared_state(), *(v for slot in state for v in slot)]
        scalars = self.scalars()
        for p, g, *old in zip(params, grads, *state, strict=True):
            new_p, *new = self.rule(p, g, *old, **scalars)
            self.updates += [K.update(v, value) for v, value in zip(old, new, strict=False)]
            constraint = getattr(p, "constraint", None)
            self.updates.append(K.update(p, new_p if constraint is None else constraint(new_p)))
        return self.updates

    def make_slot(self, name, params):
        """One variable of zeros for each parameter."""
        return [K.zeros(K.int_shape(p), dtype=K.dtype(p), name=f"{name}_{i}") for i, p in enumerate(params)]

    def shared_state(self):
        """List of further variables of state; their updates may be added to `updates`."""
        return []

    def scalars(self):
        """dict of what `rule` gets by keyword: the scalars of this step."""
        return {"lr": self.decayed_learning_rate()}

    def decayed_learning_rate(self):
        """learning_rate / (1 + decay * iterations)."""
        if self.initial_decay <= 0:
            return self.learning_rate
        return self.learning_rate * (1.0 / (1.0 + self.decay * K.cast(self.iterations, K.dtype(self.decay))))

    def step(self):
        """t = 1, 2, 3, ..., as a float."""
        return K.cast(self.iterations, K.floatx()) + 1.0

    def rule(self, p, g, *state, **scalars):
        """One step of one parameter: (new p, new state ...). State that is not returned stays."""
        raise NotImplementedError(f"{type(self).__name__} has to define rule or get_updates.")

    def get_weights(self):
        """The values of `weights`: a list of arrays."""
        return K.batch_get_value(self.weights)

    def set_weights(self, weights):
        """Set the values of `weights`, from a list of arrays as `get_weights` gives it.

        There are weights only once the optimizer is part of a compiled model whose train function was made.
        Raises ValueError if the number or a shape does not fit.
        """
        index, start = self._late_weight
        if len(weights) == len(self.weights) - 1:
            weights = [*weights[:index], np.asarray(start), *weights[index:]]
        given, own = [np.shape(w) for w in weights], [K.int_shape(w) for w in self.weights]
        if given != own:
            raise ValueError(f"{type(self).__name__}.set_weights: expected {len(own)} arrays of the shapes {own}; got "
                             f"{len(given)} of the shapes {given}. Is it the state of another model or optimizer?"
                             )  # fmt: skip
        K.batch_set_value(list(zip(self.weights, weights, strict=True)))

    def get_config(self):
        """The constructor's arguments, as they are now."""
        clips = {"clipnorm": self.clipnorm, "clipvalue": self.clipvalue}
        config = {name: value for name, value in clips.items() if value is not None}
        for name in self.settings:
            value = getattr(self, name)
            config[name] = float(K.get_value(value)) if K.is_tensor(value) else value
        return config

    @classmethod
    def from_config(cls, config):
        """The optimizer of a config."""
        return cls(**config)


class SGD(Optimizer):
    """Gradient descent with momentum: v = momentum v - lr g, p = p + v.

    nesterov: p = p + momentum v - lr g instead, with the new v. Source: Sutskever et al. (2013).
    """

    learning_rate, momentum, decay = _Hyper(), _Hyper(), _Hyper()
    slots = ("moment",)

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, momentum=momentum, decay=0.0, nesterov=nesterov)
        super().__init__(**kwargs)

    def rule(self, p, g, moment, lr):
        step = lr * g
        v = self.momentum * moment - step
        return p + (self.momentum * v - step if self.nesterov else v), v


class RMSprop(Optimizer):
    """a = rho a + (1 - rho) g^2, p = p - lr g / (sqrt(a) + epsilon). Source: Hinton, lecture 6e (2012)."""

    learning_rate, rho, decay = _Hyper(), _Hyper(), _Hyper()
    slots = ("accumulator",)

    def __init__(self, learning_rate=0.001, rho=0.9, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, rho=rho, decay=0.0, epsilon=None)
        super().__init__(**kwargs)

    def rule(self, p, g, a, lr):
        a = self.rho * a + (1.0 - self.rho) * K.square(g)
        return p - lr * g / (root(a) + self.epsilon), a


class Adagrad(Optimizer):
    """a = a + g^2, p = p - lr g / (sqrt(a) + epsilon). Source: Duchi et al. (2011)."""

    learning_rate, decay = _Hyper(), _Hyper()
    slots = ("accumulator",)

    def __init__(self, learning_rate=0.01, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, decay=0.0, epsilon=None)
        super().__init__(**kwargs)

    def rule(self, p, g, a, lr):
        a = a + K.square(g)
        return p - lr * g / (root(a) + self.epsilon), a


class Adadelta(Optimizer):
    """Steps of the size of those before: u = g sqrt(d + epsilon) / sqrt(a + epsilon), p = p - lr u, where a is the
    running mean of g^2 and d that of u^2. Source: Zeiler (2012)."""

    learning_rate, decay = _Hyper(), _Hyper()
    slots = ("accumulator", "delta_accumulator")

    def __init__(self, learning_rate=1.0, rho=0.95, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, rho=rho, decay=0.0, epsilon=None)
        super().__init__(**kwargs)

    def rule(self, p, g, a, d, lr):
        a = self.rho * a + (1.0 - self.rho) * K.square(g)
        u = g * root(d + self.epsilon) / root(a + self.epsilon)
        return p - lr * u, a, self.rho * d + (1.0 - self.rho) * K.square(u)


class Adam(Optimizer):
    """m = beta_1 m + (1 - beta_1) g, v = beta_2 v + (1 - beta_2) g^2, p = p - lr_t m / (sqrt(v) + epsilon), with
    lr_t = lr sqrt(1 - beta_2^t) / (1 - beta_1^t). Source: Kingma and Ba (2015).

    amsgrad: the greatest v so far in place of v. Source: Reddi et al. (2018).
    """

    learning_rate, beta_1, beta_2, decay = _Hyper(), _Hyper(), _Hyper(), _Hyper()
    slots = ("m", "v", "vhat")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, amsgrad=False, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=0.0, epsilon=None,
                  amsgrad=amsgrad)  # fmt: skip
        super().__init__(**kwargs)

    def make_slot(self, name, params):
        if name == "vhat" and not self.amsgrad:
            return [K.zeros((1,), name=f"vhat_{i}") for i in range(len(params))]  # Keras keeps these places
        return super().make_slot(name, params)

    def scalars(self):
        t = self.step()
        correction = K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t))
        return {"lr": self.decayed_learning_rate() * correction}

    def rule(self, p, g, m, v, vhat, lr):
        m = self.beta_1 * m + (1.0 - self.beta_1) * g
        v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
        if not self.amsgrad:
            return p - lr * m / (root(v) + self.epsilon), m, v
        vhat = K.maximum(vhat, v)
        return p - lr * m / (root(vhat) + self.epsilon), m, v, vhat


class AdamW(Adam):
    """Adam, and apart from it p = p - lr weight_decay p. Source: Loshchilov and Hutter (2019)."""

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, weight_decay=0.01, amsgrad=False, **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, amsgrad, **kwargs)
        self.weight_decay = weight_decay
        self.settings += ("weight_decay",)

    def scalars(self):
        return {**super().scalars(), "shrink": self.decayed_learning_rate() * self.weight_decay}

    def rule(self, p, g, m, v, vhat, lr, shrink):
        new_p, *state = super().rule(p, g, m, v, vhat, lr)
        return new_p - shrink * p, *state


class Adamax(Optimizer):
    """m as in Adam, u = max(beta_2 u, |g|), p = p - lr / (1 - beta_1^t) m / (u + epsilon). Source: Kingma and Ba
    (2015), section 7."""

    learning_rate, beta_1, beta_2, decay = _Hyper(), _Hyper(), _Hyper(), _Hyper()
    slots = ("m", "u")

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=0.0, epsilon=None)
        super().__init__(**kwargs)

    def scalars(self):
        return {"lr": self.decayed_learning_rate() / (1.0 - K.pow(self.beta_1, self.step()))}

    def rule(self, p, g, m, u, lr):
        m = self.beta_1 * m + (1.0 - self.beta_1) * g
        u = K.maximum(self.beta_2 * u, K.abs(g))
        return p - lr * m / (u + self.epsilon), m, u


class Nadam(Optimizer):
    """Adam with Nesterov momentum, whose beta_1 warms up: mu_t = beta_1 (1 - 0.96^(t schedule_decay) / 2).

    Source: Dozat, Incorporating Nesterov Momentum into Adam (2016).
    """

    learning_rate, beta_1, beta_2 = _Hyper(), _Hyper(), _Hyper()
    slots = ("m", "v")
    _late_weight = (1, 1.0)

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=None,
                  schedule_decay=0.004)  # fmt: skip
        super().__init__(**kwargs)
        with K.name_scope(type(self).__name__):
            self.m_schedule = K.variable(1.0, name="m_schedule")  # the product of all mu so far

    def shared_state(self):
        return [self.m_schedule]

    def _momentum(self, t):
        return self.beta_1 * (1.0 - 0.5 * K.pow(K.constant(0.96), t * self.schedule_decay))

    def scalars(self):
        t = self.step()
        mu, mu_next = self._momentum(t), self._momentum(t + 1.0)
        product = self.m_schedule * mu
        self.updates.append(K.update(self.m_schedule, product))
        return {
            "of_gradient": (1.0 - mu) / (1.0 - product),
            "of_moment": mu_next / (1.0 - product * mu_next),
            "of_square": 1.0 / (1.0 - K.pow(self.beta_2, t)),
        }

    def rule(self, p, g, m, v, of_gradient, of_moment, of_square):
        m = self.beta_1 * m + (1.0 - self.beta_1) * g
        v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
        ahead = of_gradient * g + of_moment * m
        return p - self.learning_rate * ahead / (root(of_square * v) + self.epsilon), m, v


class Lion(Optimizer):
    """p = p - lr (sign(beta_1 m + (1 - beta_1) g) + weight_decay p), m = beta_2 m + (1 - beta_2) g.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms (2023).
    """

    learning_rate, beta_1, beta_2, decay = _Hyper(), _Hyper(), _Hyper(), _Hyper()
    slots = ("m",)

    def __init__(self, learning_rate=0.0001, beta_1=0.9, beta_2=0.99, weight_decay=0.0, **kwargs):
        self._set(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=0.0,
                  weight_decay=weight_decay)  # fmt: skip
        super().__init__(**kwargs)

    def rule(self, p, g, m, lr):
        direction = K.sign(self.beta_1 * m + (1.0 - self.beta_1) * g)
        return p - lr * (direction + self.weight_decay * p), self.beta_2 * m + (1.0 - self.beta_2) * g


class TFOptimizer(Optimizer):
    """In Keras a wrapper of TensorFlow's optimizers. There is none here: making one raises NotImplementedError."""

    def __init__(self, optimizer):
        raise NotImplementedError(
            f"TFOptimizer: an optimizer of TensorFlow ({type(optimizer).__name__}) cannot work on this graph. Use one "
            "of minikeras.optimizers, or write a subclass of Optimizer with a rule."
        )

    @property
    def weights(self):
        """None: see the class."""
        return []


sgd = SGD
rmsprop = RMSprop
adagrad = Adagrad
adadelta = Adadelta
adam = Adam
adamax = Adamax
nadam = Nadam

_CLASSES = {c.__name__: c for c in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Lion, TFOptimizer)}


def serialize(optimizer):
    """{"class_name", "config"} of an optimizer."""
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer of a config; the names of its classes are known in capitals or not.

    Raises ValueError for unknown names.
    """
    names = {**_CLASSES, **{name.lower(): value for name, value in _CLASSES.items()}}
    name = config.get("class_name")
    if isinstance(name, str) and name.lower() in names and name not in (custom_objects or {}):
        config = {**config, "class_name": name.lower()}
    return deserialize_keras_object(config, names, custom_objects, "optimizer")


def get(identifier):
    """The optimizer of a name (with the default arguments) or config; an optimizer as it is.

    Raises ValueError for anything else.
    """
    if isinstance(identifier, str):
        identifier = {"class_name": identifier, "config": {}}
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, Optimizer) or hasattr(identifier, "get_updates"):
        return identifier
    raise ValueError(f"Cannot read {identifier!r} as an optimizer: give a name, a config or an Optimizer.")
