"""The optimizers: for each the rule of one step, as a formula."""

from .. import backend as K
from .base import Hyper, Optimizer, root


class SGD(Optimizer):
    """Gradient descent with momentum: v = momentum v - lr g, p = p + v.

    nesterov: p = p + momentum v - lr g instead, with the new v. Source: Sutskever et al. (2013).
    """

    learning_rate, momentum, decay = Hyper(), Hyper(), Hyper()
    slots = ("moment",)

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, momentum=momentum, decay=0.0, nesterov=nesterov)

    def rule(self, p, g, moment, lr):
        step = lr * g
        v = self.momentum * moment - step
        return p + (self.momentum * v - step if self.nesterov else v), v


class RMSprop(Optimizer):
    """a = rho a + (1 - rho) g^2, p = p - lr g / (sqrt(a) + epsilon). Source: Hinton, lecture 6e (2012)."""

    learning_rate, rho, decay = Hyper(), Hyper(), Hyper()
    slots = ("accumulator",)

    def __init__(self, learning_rate=0.001, rho=0.9, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, rho=rho, decay=0.0, epsilon=None)

    def rule(self, p, g, a, lr):
        a = self.rho * a + (1.0 - self.rho) * K.square(g)
        return p - lr * g / (root(a) + self.epsilon), a


class Adagrad(Optimizer):
    """a = a + g^2, p = p - lr g / (sqrt(a) + epsilon). Source: Duchi et al. (2011)."""

    learning_rate, decay = Hyper(), Hyper()
    slots = ("accumulator",)

    def __init__(self, learning_rate=0.01, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, decay=0.0, epsilon=None)

    def rule(self, p, g, a, lr):
        a = a + K.square(g)
        return p - lr * g / (root(a) + self.epsilon), a


class Adadelta(Optimizer):
    """Steps of the size of those before: u = g sqrt(d + epsilon) / sqrt(a + epsilon), p = p - lr u, where a is the
    running mean of g^2 and d that of u^2. Source: Zeiler (2012)."""

    learning_rate, decay = Hyper(), Hyper()
    slots = ("accumulator", "delta_accumulator")

    def __init__(self, learning_rate=1.0, rho=0.95, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, rho=rho, decay=0.0, epsilon=None)

    def rule(self, p, g, a, d, lr):
        a = self.rho * a + (1.0 - self.rho) * K.square(g)
        u = g * root(d + self.epsilon) / root(a + self.epsilon)
        return p - lr * u, a, self.rho * d + (1.0 - self.rho) * K.square(u)


class Adam(Optimizer):
    """m = beta_1 m + (1 - beta_1) g, v = beta_2 v + (1 - beta_2) g^2, p = p - lr_t m / (sqrt(v) + epsilon), with
    lr_t = lr sqrt(1 - beta_2^t) / (1 - beta_1^t). Source: Kingma and Ba (2015).

    amsgrad: the greatest v so far in place of v. Source: Reddi et al. (2018).
    """

    learning_rate, beta_1, beta_2, decay = Hyper(), Hyper(), Hyper(), Hyper()
    slots = ("m", "v", "vhat")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, amsgrad=False, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=0.0, epsilon=None,
                   amsgrad=amsgrad)  # fmt: skip

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
        self.weight_decay = weight_decay or 0.0
        self.settings += ("weight_decay",)

    def scalars(self):
        return {**super().scalars(), "shrink": self.decayed_learning_rate() * self.weight_decay}

    def rule(self, p, g, m, v, vhat, lr, shrink):
        new_p, *state = super().rule(p, g, m, v, vhat, lr)
        return new_p - shrink * p, *state


class Adamax(Optimizer):
    """m as in Adam, u = max(beta_2 u, |g|), p = p - lr / (1 - beta_1^t) m / (u + epsilon). Source: Kingma and Ba
    (2015), section 7."""

    learning_rate, beta_1, beta_2, decay = Hyper(), Hyper(), Hyper(), Hyper()
    slots = ("m", "u")

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=0.0, epsilon=None)

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

    learning_rate, beta_1, beta_2 = Hyper(), Hyper(), Hyper()
    slots = ("m", "v")
    _late_weight = (1, 1.0)

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=None,
                   schedule_decay=0.004)  # fmt: skip
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
        return {"of_gradient": (1.0 - mu) / (1.0 - product), "of_moment": mu_next / (1.0 - product * mu_next),
                "of_square": 1.0 / (1.0 - K.pow(self.beta_2, t))}  # fmt: skip

    def rule(self, p, g, m, v, of_gradient, of_moment, of_square):
        m = self.beta_1 * m + (1.0 - self.beta_1) * g
        v = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
        ahead = of_gradient * g + of_moment * m
        return p - self.learning_rate * ahead / (root(of_square * v) + self.epsilon), m, v


class Lion(Optimizer):
    """p = p - lr (sign(beta_1 m + (1 - beta_1) g) + weight_decay p), m = beta_2 m + (1 - beta_2) g.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms (2023).
    """

    learning_rate, beta_1, beta_2, decay = Hyper(), Hyper(), Hyper(), Hyper()
    slots = ("m",)

    def __init__(self, learning_rate=0.0001, beta_1=0.9, beta_2=0.99, weight_decay=0.0, **kwargs):
        self._init(kwargs, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=0.0,
                   weight_decay=weight_decay or 0.0)  # fmt: skip

    def rule(self, p, g, m, lr):
        direction = K.sign(self.beta_1 * m + (1.0 - self.beta_1) * g)
        return p - lr * (direction + self.weight_decay * p), self.beta_2 * m + (1.0 - self.beta_2) * g


class TFOptimizer(Optimizer):
    """In Keras a wrapper of TensorFlow's optimizers. There is none here: making one raises NotImplementedError."""

    def __init__(self, optimizer):
        raise NotImplementedError(f"TFOptimizer: an optimizer of TensorFlow ({type(optimizer).__name__}) cannot work "
                                  "on this graph. Use one of minikeras.optimizers, or write a subclass of Optimizer "
                                  "with a rule.")  # fmt: skip

    @property
    def weights(self):
        """None: see the class."""
        return []
