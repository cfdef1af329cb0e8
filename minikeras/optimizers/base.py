"""Optimizers: from the gradients of a loss to updates of the weights.

A rule says what one step does to one parameter p, given its gradient g and its state. Scalars such as the decayed
learning rate are computed once a step. Step n = 0, 1, 2, ... sees n as the count of steps before it: the learning rate
is learning_rate / (1 + decay n), and the t of bias corrections is n + 1.

All take, where it has a meaning, the keyword argument decay, and those in OPTIONS.
"""

import numpy as np

from .. import backend as K
from ..legacy import interfaces
from ..utils.generic_utils import Configured
from . import schedules

# Keyword arguments of every optimizer, with their defaults.
OPTIONS = {
    "clipnorm": None,  # the gradients are scaled down together, such that their common norm is at most this
    "global_clipnorm": None,  # the same, by its later name
    "clipvalue": None,  # every element is clipped to +-this, after clipnorm
    # Steps whose gradients are averaged before they are applied as one: what a batch as large as theirs together does,
    # for losses that are means over batches of one size. `iterations` counts what is applied.
    "gradient_accumulation_steps": None,
    "use_ema": False,  # keep moving averages of the weights; they take their place at the end of `fit`
    "ema_momentum": 0.99,  # average = momentum average + (1 - momentum) weight
    "ema_overwrite_frequency": None,  # the weights become their averages after every so many steps
}

# Running means of squares are never negative: K.sqrt would look for such elements each time.
root = K.true_sqrt


def clip_norm(g, c, n):
    """g scaled by c / n where n, its norm, is at least c. c: a number; not positive: g as it is."""
    return g if c <= 0 else g * K.switch(n >= c, c / n, K.ones_like(n))


class Hyper:
    """An attribute that is a scalar variable of the graph. Setting it to a number changes the value of the variable,
    also for models that are compiled already. It may be a schedule: then it is its value at this step, a tensor."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, optimizer, owner):
        if optimizer is None:
            return self
        if self.name not in optimizer.__dict__:
            raise AttributeError(f"{type(optimizer).__name__} has no {self.name} yet: it is set by the constructor.")
        value = optimizer.__dict__[self.name]
        return value(K.cast(optimizer.iterations, K.floatx())) if _is_schedule(value) else value

    def __set__(self, optimizer, value):
        known = optimizer.__dict__.get(self.name)
        if isinstance(value, dict):
            value = schedules.deserialize(value)
        if _is_schedule(known):
            raise ValueError(f"{type(optimizer).__name__}: {self.name} follows a {type(known).__name__}, so it cannot "
                             "be set, nor by callbacks. Make the optimizer with a number.")  # fmt: skip
        if K.is_tensor(value) or _is_schedule(value):
            optimizer.__dict__[self.name] = value
        elif known is not None:
            K.set_value(known, value)
        else:
            with K.name_scope(type(optimizer).__name__):
                optimizer.__dict__[self.name] = K.variable(value, name=self.name)


def _is_schedule(value):
    return isinstance(value, schedules.LearningRateSchedule)


class Optimizer(Configured):
    """Base of optimizers.

    A subclass defines `rule` and, if it keeps state, `slots`, the names of what it keeps for each parameter; or it
    overrides `get_updates` altogether. Raises TypeError for unknown keyword arguments.

    iterations: variable, the number of steps so far. weights: it, and the state: all that a checkpoint needs.
    """

    slots = ()
    settings = ()  # names of the constructor's arguments
    _late_weight = (0, 0)  # index and start value of the weight that files of Keras 2.2 do not have

    def __init__(self, **kwargs):
        unknown = sorted(set(kwargs) - set(OPTIONS))
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown keyword arguments {unknown}; it takes "
                            f"{[*self.settings, *OPTIONS]}.")  # fmt: skip
        vars(self).update({**OPTIONS, **kwargs})
        for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
            value = vars(self)[name]
            if value is not None and not (isinstance(value, int) and value > 0):
                raise ValueError(f"{type(self).__name__}: {name} has to be a number of steps, got {value!r}.")
        own_way = type(self).get_updates is not Optimizer.get_updates
        if own_way and (self.use_ema or self.gradient_accumulation_steps):
            raise TypeError(f"{type(self).__name__} has a get_updates of its own: it has to accumulate gradients and "
                            "average weights there.")  # fmt: skip
        self.updates, self.weights, self.averages = [], [], []
        self.averages_in_use = False
        with K.name_scope(type(self).__name__):
            # Not by assignment: an optimizer around another one may have a property of this name.
            vars(self)["iterations"] = K.variable(0, dtype="int64", name="iterations")

    def __getstate__(self):
        """For copies and pickles: arguments and state, without the graph of the training."""
        return {**vars(self), "updates": []}

    def _init(self, kwargs, **defaults):
        """Set the constructor's arguments as attributes, from kwargs those that are there; the rest are OPTIONS."""
        if "lr" in kwargs:
            defaults["learning_rate"] = kwargs.pop("lr")
        values = {name: kwargs.pop(name, default) for name, default in defaults.items()}
        for name, value in values.items():
            setattr(self, name, K.epsilon() if name == "epsilon" and value is None else value)
        self.settings = tuple(values)
        # Whether there is any decay is settled with the construction: without it nothing is computed.
        self.initial_decay = values.get("decay", 0.0)
        Optimizer.__init__(self, **kwargs)

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
        return self._clipped(self._gradients(loss, params))

    def _gradients(self, loss, params):
        grads = K.gradients(loss, params)
        lost = [p.name for p, g in zip(params, grads, strict=True) if g is None]
        if lost:
            raise ValueError(f"The loss has no gradient with respect to {lost}: either it does not depend on them, or "
                             "only by way of operations without a gradient (K.argmax, K.round, comparisons). Set "
                             "trainable = False on the layers that shall not learn.")  # fmt: skip
        return grads

    def _clipped(self, grads):
        for limit in (self.clipnorm, self.global_clipnorm):
            if limit is not None and limit > 0:
                norm = K.sqrt(sum(K.sum(K.square(g)) for g in grads))
                grads = [clip_norm(g, limit, norm) for g in grads]
        if self.clipvalue is not None and self.clipvalue > 0:
            grads = [K.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        """The updates of one step, as a list for K.function. loss: scalar tensor. params: list of variables."""
        grads = self._gradients(loss, params)
        state = [self.make_slot(name, params) for name in self.slots]
        self.averages = Optimizer.make_slot(self, "average", params) if self.use_ema else []
        self.weights = [self.iterations, *self.shared_state(), *(v for slot in state for v in slot), *self.averages]
        if (self.gradient_accumulation_steps or 1) == 1:
            self._step(params, self._clipped(grads), state)
        else:
            self.updates = self._accumulated(params, grads, state)
        return self.updates

    def _step(self, params, grads, state):
        """Set `updates` to those of a step with these gradients."""
        self.updates = [K.update_add(self.iterations, 1)]
        scalars = self.scalars()
        for i, (p, g, *old) in enumerate(zip(params, grads, *state, strict=True)):
            new_p, *new = self.rule(p, g, *old, **scalars)
            self.updates += [K.update(v, value) for v, value in zip(old, new, strict=False)]
            constraint = getattr(p, "constraint", None)
            new_p = new_p if constraint is None else constraint(new_p)
            self.updates.append(K.update(p, self._averaged(i, new_p) if self.use_ema else new_p))

    def _averaged(self, i, new_p):
        """Update average i by a new value of its weight. Returns what the weight becomes."""
        average, n = self.averages[i], self.iterations
        momentum = self.ema_momentum * K.cast(n > 0, K.dtype(average))  # the first average is the first value
        new_average = momentum * average + (1.0 - momentum) * new_p
        self.updates.append(K.update(average, new_average))
        every = self.ema_overwrite_frequency
        return new_p if every is None else K.switch(K.equal((n + 1) % every, 0), new_average, new_p)

    def _accumulated(self, params, grads, state):
        """The updates that sum up gradients and, every so many steps, apply their mean."""
        steps = self.gradient_accumulation_steps
        sums = Optimizer.make_slot(self, "gradient_sum", params)
        count = K.variable(0, dtype="int64", name="accumulated_steps")
        self.weights += [count, *sums]
        grads = [total + g for total, g in zip(sums, grads, strict=True)]

        def applied():
            self._step(params, self._clipped([g / steps for g in grads]), state)
            return [update.new_value for update in self.updates] + [K.zeros_like(total) for total in sums]

        def kept():
            return [update.variable + 0 for update in self.updates] + grads

        # The step is built first, and says which variables there are.
        results = K.switch(K.equal(count, steps - 1), applied, kept)
        changed = [*(update.variable for update in self.updates), *sums]
        return [K.update(count, (count + 1) % steps), *map(K.update, changed, results)]

    def swap_averages(self, params):
        """Let the weights and their averages, if there are any yet, change places."""
        if self.averages and K.get_value(self.iterations):
            values = K.batch_get_value([*self.averages, *params])
            K.batch_set_value(list(zip([*params, *self.averages], values, strict=True)))
            self.averages_in_use = not self.averages_in_use

    def reset_averages(self, params):
        """Let the averages be what the weights are."""
        K.batch_set_value(list(zip(self.averages, K.batch_get_value(params), strict=True)))
        self.averages_in_use = False

    def finalize_variable_values(self, params):
        """At the end of a training with use_ema: weights and averages become the averages."""
        if not self.averages_in_use:
            self.swap_averages(params)
        self.reset_averages(params)

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
                             f"{len(given)} of the shapes {given}. Is it the state of another model or optimizer?")
        K.batch_set_value(list(zip(self.weights, weights, strict=True)))

    def get_config(self):
        """The constructor's arguments, as they are now."""
        config = {name: getattr(self, name) for name in OPTIONS if getattr(self, name) != OPTIONS[name]}
        for name in self.settings:
            value = vars(self).get(name)
            config[name] = (schedules.serialize(value) if _is_schedule(value) else
                            float(K.get_value(value)) if K.is_tensor(value) else value)  # fmt: skip
        return config
