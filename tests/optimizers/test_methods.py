import numpy as np
import pytest

from minikeras import backend as K
from minikeras import constraints, optimizers

START = np.array([[1.0, -2.0], [0.5, 3.0]])
SCALE = np.array([[0.7, 0.2], [1.5, 0.4]])
STEPS = 6
EPSILON = 1e-7


def gradient(p):
    """Of sum(scale p^4 / 4)."""
    return SCALE * p**3


def train(optimizer, steps=STEPS, start=START, constraint=None):
    p = K.variable(start, constraint=constraint)
    loss = K.sum(K.constant(SCALE / 4) * K.square(K.square(p)))
    step = K.function([], [loss], updates=optimizer.get_updates(loss, [p]))
    for _ in range(steps):
        step([])
    return K.get_value(p)


def walk(rule, *state, clip=lambda g: g):
    """STEPS of a rule (p, g, t, *state) -> (p, *state), from zeros as the state."""
    p, state = START, state or (np.zeros_like(START),) * 3
    for t in range(1, STEPS + 1):
        p, *state = rule(p, clip(gradient(p)), t, *state)
    return p


def sgd(p, g, t, v, *rest, lr=0.01, momentum=0.0, nesterov=False, decay=0.0):
    lr = lr / (1 + decay * (t - 1))
    v = momentum * v - lr * g
    return (p + momentum * v - lr * g if nesterov else p + v), v


def adam(p, g, t, m, v, best, lr=0.001, b1=0.9, b2=0.999, decay=0.0, amsgrad=False):
    lr = lr / (1 + decay * (t - 1))
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    best = np.maximum(best, v) if amsgrad else v
    # Algorithm 1 of the paper has epsilon beside the corrected root; here it is beside the uncorrected one.
    return p - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(best) + EPSILON), m, v, best


def adamax(p, g, t, m, u, *rest, lr=0.002, b1=0.9, b2=0.999):
    m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, abs(g))
    return p - lr / (1 - b1**t) * m / (u + EPSILON), m, u


def nadam(p, g, t, m, v, product, lr=0.002, b1=0.9, b2=0.999):
    mu, mu_next = (b1 * (1 - 0.5 * 0.96 ** (i * 0.004)) for i in (t, t + 1))
    product = (product if t > 1 else 1.0) * mu
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    ahead = (1 - mu) * g / (1 - product) + mu_next * m / (1 - product * mu_next)
    return p - lr * ahead / (np.sqrt(v / (1 - b2**t)) + EPSILON), m, v, product


def rmsprop(p, g, t, a, *rest, lr=0.001, rho=0.9):
    a = rho * a + (1 - rho) * g**2
    return p - lr * g / (np.sqrt(a) + EPSILON), a


def adagrad(p, g, t, a, *rest, lr=0.01):
    a = a + g**2
    return p - lr * g / (np.sqrt(a) + EPSILON), a


def adadelta(p, g, t, a, d, *rest, lr=1.0, rho=0.95):
    a = rho * a + (1 - rho) * g**2
    u = g * np.sqrt(d + EPSILON) / np.sqrt(a + EPSILON)
    return p - lr * u, a, rho * d + (1 - rho) * u**2


def lion(p, g, t, m, *rest, lr=0.0001, b1=0.9, b2=0.99, weight_decay=0.1):
    return p - lr * (np.sign(b1 * m + (1 - b1) * g) + weight_decay * p), b2 * m + (1 - b2) * g


def adamw(p, g, t, m, v, best):
    new_p, *state = adam(p, g, t, m, v, best, lr=0.01)
    return new_p - 0.01 * 0.1 * p, *state


CASES = {
    "sgd": (lambda: optimizers.SGD(), sgd),
    "momentum": (lambda: optimizers.SGD(0.05, momentum=0.8), lambda *a: sgd(*a, lr=0.05, momentum=0.8)),
    "nesterov": (
        lambda: optimizers.SGD(0.05, momentum=0.8, nesterov=True, decay=0.1),
        lambda *a: sgd(*a, lr=0.05, momentum=0.8, nesterov=True, decay=0.1),
    ),
    "rmsprop": (lambda: optimizers.RMSprop(rho=0.8), lambda *a: rmsprop(*a, rho=0.8)),
    "adagrad": (lambda: optimizers.Adagrad(), adagrad),
    "adadelta": (lambda: optimizers.Adadelta(0.5), lambda *a: adadelta(*a, lr=0.5)),
    "adam": (lambda: optimizers.Adam(), adam),
    "adam decayed": (lambda: optimizers.Adam(0.1, decay=0.5), lambda *a: adam(*a, lr=0.1, decay=0.5)),
    "amsgrad": (
        lambda: optimizers.Adam(0.1, beta_2=0.6, amsgrad=True),
        lambda *a: adam(*a, lr=0.1, b2=0.6, amsgrad=True),
    ),
    "adamax": (lambda: optimizers.Adamax(), adamax),
    "nadam": (lambda: optimizers.Nadam(), nadam),
    "adamw": (lambda: optimizers.AdamW(0.01, weight_decay=0.1), adamw),
    "lion": (lambda: optimizers.Lion(weight_decay=0.1), lion),
}


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_the_formula(case, backend):
    make, rule = CASES[case]
    np.testing.assert_allclose(train(make()), walk(rule), rtol=2e-5)


def test_clipnorm_limits_the_common_norm_of_all_gradients(backend):
    def clip(g):
        return g * min(1, 0.5 / np.sqrt((g**2).sum()))

    expected = walk(lambda *a: sgd(*a, lr=0.1), clip=clip)
    np.testing.assert_allclose(train(optimizers.SGD(0.1, clipnorm=0.5)), expected, rtol=2e-5)


def test_small_gradients_are_not_clipped(backend):
    np.testing.assert_allclose(train(optimizers.SGD(clipnorm=1e6)), walk(sgd), rtol=2e-5)


def test_clipvalue_limits_each_element(backend):
    expected = walk(lambda *a: sgd(*a, lr=0.1), clip=lambda g: np.clip(g, -0.3, 0.3))
    np.testing.assert_allclose(train(optimizers.SGD(0.1, clipvalue=0.3)), expected, rtol=2e-5)


def test_constraint_holds_after_each_step(backend):
    got = train(optimizers.SGD(0.1), constraint=constraints.UnitNorm())
    np.testing.assert_allclose((got**2).sum(0), 1.0, rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_restored_state_continues_as_if_never_stopped(case, backend):
    make, _ = CASES[case]
    whole = train(make(), 4)
    first = make()
    half = train(first, 2)
    second = make()
    p = K.variable(half)
    loss = K.sum(K.constant(SCALE / 4) * K.square(K.square(p)))
    step = K.function([], [loss], updates=second.get_updates(loss, [p]))
    second.set_weights(first.get_weights())
    step([])
    step([])
    np.testing.assert_allclose(K.get_value(p), whole, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("SGD", ["SGD/iterations", "moment_0"]), ("RMSprop", ["RMSprop/iterations", "accumulator_0"]),
        ("Adadelta", ["Adadelta/iterations", "accumulator_0", "delta_accumulator_0"]),
        ("Adam", ["Adam/iterations", "m_0", "v_0", "vhat_0"]), ("Adamax", ["Adamax/iterations", "m_0", "u_0"]),
        ("Nadam", ["Nadam/iterations", "Nadam/m_schedule", "m_0", "v_0"]),
    ],
)  # fmt: skip
def test_weights_come_in_the_order_of_keras(name, names):
    optimizer = optimizers.get(name)
    p = K.variable(START)
    optimizer.get_updates(K.sum(p), [p])
    assert [w.name.split(":")[0] for w in optimizer.weights] == names


@pytest.mark.parametrize(("name", "index"), [("rmsprop", 0), ("adagrad", 0), ("adadelta", 0), ("nadam", 1)])
def test_state_of_older_files_lacks_one_scalar(name, index):
    optimizer = optimizers.get(name)
    train(optimizer, 2)
    state = optimizer.get_weights()
    optimizer.set_weights(state[:index] + state[index + 1 :])
    assert optimizer.get_weights()[index] == (1 if name == "nadam" else 0)


def test_state_of_another_model_is_refused():
    optimizer = optimizers.Adam()
    train(optimizer, 1)
    with pytest.raises(ValueError, match="Adam"):
        optimizer.set_weights([np.zeros(3)] * 4)


def test_learning_rate_can_be_set_while_training(backend):
    optimizer = optimizers.SGD(0.1)
    p = K.variable(1.0)
    step = K.function([], [], updates=optimizer.get_updates(p, [p]))
    step([])
    optimizer.learning_rate = 0.2
    step([])
    K.set_value(optimizer.lr, 0.3)
    step([])
    np.testing.assert_allclose(K.get_value(p), 1 - 0.6, rtol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_optimizer_survives_its_config(case):
    optimizer = CASES[case][0]()
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


def test_config_of_the_older_argument_lr():
    config = optimizers.SGD(lr=0.5, clipnorm=1.0).get_config()
    assert config == {"learning_rate": 0.5, "momentum": 0.0, "decay": 0.0, "nesterov": False, "clipnorm": 1.0}


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="momentum"):
        optimizers.Adam(momentum=0.9)


def test_parameter_without_gradient_is_named():
    p, q = K.variable(1.0, name="used"), K.variable(1.0, name="unused")
    with pytest.raises(ValueError, match="unused"):
        optimizers.SGD().get_updates(K.square(p), [p, q])


def test_get_knows_names_configs_and_optimizers():
    assert isinstance(optimizers.get("adam"), optimizers.Adam)
    assert isinstance(optimizers.get("RMSprop"), optimizers.RMSprop)
    made = optimizers.get({"class_name": "SGD", "config": {"lr": 0.5}})
    assert K.get_value(made.lr) == 0.5
    assert optimizers.get(made) is made


@pytest.mark.parametrize("wrong", ["sgdd", 3, None])
def test_get_refuses_what_is_no_optimizer(wrong):
    with pytest.raises(ValueError):
        optimizers.get(wrong)


def test_tensorflow_optimizer_says_what_to_do():
    with pytest.raises(NotImplementedError, match="rule"):
        optimizers.TFOptimizer(object())


def test_optimizer_of_ones_own_overrides_get_updates(backend):
    class Halving(optimizers.Optimizer):
        def get_updates(self, loss, params):
            self.updates = [K.update(p, 0.5 * p) for p in params]
            return self.updates

    np.testing.assert_allclose(train(Halving(), 2), START / 4, rtol=1e-6)


def test_optimizer_of_ones_own_defines_a_rule(backend):
    class Signed(optimizers.Optimizer):
        slots = ("last",)

        def __init__(self, learning_rate=0.1, **kwargs):
            self._init(kwargs, learning_rate=learning_rate)

        def rule(self, p, g, last, lr):
            return p - lr * K.sign(g), g

    np.testing.assert_allclose(train(Signed(), 2), START - 0.2 * np.sign(START), rtol=1e-5)
