"""What every optimizer takes besides its own arguments: clipping, decay, schedules, accumulation, averages."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import optimizers
from minikeras.layers import Dense
from minikeras.models import Sequential, load_model
from minikeras.optimizers import schedules
from tests.optimizers import test_methods as methods
from tests.optimizers.test_methods import SCALE, START, STEPS, gradient, train

LR = 0.05


def adamw(*a, lr):
    new_p, *state = methods.adam(*a, lr=lr)
    return new_p - lr * 0.1 * a[0], *state


METHODS = {
    "sgd": (optimizers.SGD, {"momentum": 0.8}, lambda *a, lr: methods.sgd(*a, lr=lr, momentum=0.8)),
    "nesterov": (optimizers.SGD, {"momentum": 0.8, "nesterov": True},
                 lambda *a, lr: methods.sgd(*a, lr=lr, momentum=0.8, nesterov=True)),
    "rmsprop": (optimizers.RMSprop, {}, methods.rmsprop), "adagrad": (optimizers.Adagrad, {}, methods.adagrad),
    "adadelta": (optimizers.Adadelta, {}, methods.adadelta), "adam": (optimizers.Adam, {}, methods.adam),
    "amsgrad": (optimizers.Adam, {"amsgrad": True}, lambda *a, lr: methods.adam(*a, lr=lr, amsgrad=True)),
    "adamw": (optimizers.AdamW, {"weight_decay": 0.1}, adamw), "adamax": (optimizers.Adamax, {}, methods.adamax),
    "nadam": (optimizers.Nadam, {}, methods.nadam),
    "lion": (optimizers.Lion, {"weight_decay": 0.1}, methods.lion),
}  # fmt: skip


def clipped_norm(g):
    return g * min(1, 0.5 / np.sqrt((g**2).sum()))


def clipped_value(g):
    return np.clip(g, -0.3, 0.3)


def walk(rule, rate=lambda n: LR, clip=lambda g: g, steps=STEPS):
    """All p of a rule whose learning rate in step n = 0, 1, ... is rate(n)."""
    p, state, seen = START, (np.zeros_like(START),) * 3, []
    for t in range(1, steps + 1):
        p, *state = rule(p, clip(gradient(p)), t, *state, lr=rate(t - 1))
        state = [*state, *(np.zeros_like(START),) * 3][:3]
        seen.append(p)
    return seen


def agree(method, options, **expected):
    make, arguments, rule = METHODS[method]
    got = train(make(**{"lr": LR, **arguments, **options}))
    np.testing.assert_allclose(got, walk(rule, **expected)[-1], rtol=3e-5, atol=1e-6, err_msg=str(options))


def test_each_option_alone(backend):
    for method in ("sgd", "adam"):
        agree(method, {"clipnorm": 0.5}, clip=clipped_norm)
        agree(method, {"global_clipnorm": 0.5}, clip=clipped_norm)
        agree(method, {"clipvalue": 0.3}, clip=clipped_value)
        agree(method, {"decay": 0.5}, rate=lambda n: LR / (1 + 0.5 * n))
        agree(method, {"lr": schedules.ExponentialDecay(LR, 2, 0.5)}, rate=lambda n: LR * 0.5 ** (n / 2))


@pytest.mark.parametrize("method", METHODS)
def test_each_method_with_all_options_together(method, backend):
    options = {"clipnorm": 0.5, "clipvalue": 0.3, "lr": schedules.InverseTimeDecay(LR, 2, 0.5)}
    decay = 0.0 if method == "nadam" else 0.3  # Nadam has none
    options.update({"decay": decay} if decay else {})
    agree(method, options, rate=lambda n: LR / (1 + 0.5 * n / 2) / (1 + decay * n),
          clip=lambda g: clipped_value(clipped_norm(g)))  # fmt: skip


# Every method on one backend, and on each backend those whose steps differ in kind.
SOME = ("nesterov", "amsgrad", "nadam")


@pytest.mark.parametrize("method", METHODS)
def test_accumulated_gradients_do_what_one_large_batch_does(method):
    accumulate(method)


@pytest.mark.parametrize("method", SOME)
def test_gradients_are_accumulated_on_each_backend(method, backend):
    accumulate(method)


def accumulate(method):
    make, arguments, _ = METHODS[method]
    data = np.random.RandomState(0).normal(size=(24, 2)).astype("float32")

    def trained(size, **options):
        optimizer = make(LR, clipnorm=0.5, **arguments, **options)
        p, x = K.variable(START), K.placeholder((None, 2))
        loss = K.mean(K.square(K.square(K.dot(x, p))))
        step = K.function([x], [loss], updates=optimizer.get_updates(loss, [p]))
        seen = []
        for start in range(0, 24, size):
            step([data[start : start + size]])
            seen.append(K.get_value(p))
        return seen, K.get_value(optimizer.iterations)

    whole, n = trained(8)
    parts, n_parts = trained(2, gradient_accumulation_steps=4)
    assert (n, n_parts) == (3, 3)
    np.testing.assert_allclose(parts[3::4], whole, rtol=2e-5, atol=2e-6)
    for i in range(12):  # between, nothing moves
        np.testing.assert_array_equal(parts[i], START.astype("float32") if i < 3 else parts[(i + 1) // 4 * 4 - 1])


def test_averages_of_the_weights(backend):
    make, arguments, rule = METHODS["adam"]
    optimizer = make(LR, use_ema=True, ema_momentum=0.7, **arguments)
    p = K.variable(START)
    loss = K.sum(K.constant(SCALE / 4) * K.square(K.square(p)))
    step = K.function([], [loss], updates=optimizer.get_updates(loss, [p]))
    seen, average = walk(rule), None
    for new in seen:
        step([])
        average = new if average is None else 0.7 * average + 0.3 * new
    np.testing.assert_allclose(K.get_value(optimizer.averages[0]), average, rtol=1e-5)
    optimizer.swap_averages([p])
    np.testing.assert_allclose(K.get_value(p), average, rtol=1e-5)
    np.testing.assert_allclose(K.get_value(optimizer.averages[0]), seen[-1], rtol=1e-5)
    optimizer.finalize_variable_values([p])
    for variable in (p, optimizer.averages[0]):
        np.testing.assert_allclose(K.get_value(variable), average, rtol=1e-5)
    optimizer.finalize_variable_values([p])
    np.testing.assert_allclose(K.get_value(p), average, rtol=1e-5)


def test_weights_become_their_averages_every_so_many_steps(backend):
    got = train(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6, ema_overwrite_frequency=2))
    p, average = START, 0.0
    for n in range(STEPS):
        p = p - 0.1 * gradient(p)
        average = 0.6 * average + 0.4 * p if n else p
        p = average if n % 2 else p
    np.testing.assert_allclose(got, p, rtol=1e-5)


SCHEDULES = {
    "exponential": (schedules.ExponentialDecay(0.5, 10, 0.4), lambda n: 0.5 * 0.4 ** (n / 10)),
    "exponential steps": (schedules.ExponentialDecay(0.5, 10, 0.4, True), lambda n: 0.5 * 0.4 ** (n // 10)),
    "inverse": (schedules.InverseTimeDecay(0.5, 10, 0.4), lambda n: 0.5 / (1 + 0.4 * n / 10)),
    "inverse steps": (schedules.InverseTimeDecay(0.5, 10, 0.4, staircase=True), lambda n: 0.5 / (1 + 0.4 * (n // 10))),
    "polynomial": (schedules.PolynomialDecay(0.5, 10, 0.1, 2.0), lambda n: 0.4 * (1 - min(n, 10) / 10) ** 2 + 0.1),
    "polynomial cycles": (schedules.PolynomialDecay(0.5, 10, 0.1, cycle=True),
                          lambda n: 0.4 * (1 - n / (10 * max(1, np.ceil(n / 10)))) + 0.1),
    "pieces": (schedules.PiecewiseConstantDecay([3, 20], [0.3, 0.2, 0.1]),
               lambda n: 0.3 if n <= 3 else 0.2 if n <= 20 else 0.1),
    "cosine": (schedules.CosineDecay(0.5, 20, 0.1),
               lambda n: 0.5 * (0.9 * (1 + np.cos(np.pi * min(n / 20, 1))) / 2 + 0.1)),
    "cosine, warmed up": (schedules.CosineDecay(0.1, 20, 0.1, warmup_target=0.5, warmup_steps=4),
                          lambda n: 0.1 + 0.1 * n if n < 4 else
                          0.5 * (0.9 * (1 + np.cos(np.pi * min((n - 4) / 20, 1))) / 2 + 0.1)),
    "restarts": (schedules.CosineDecayRestarts(0.5, 10, 2.0, 0.8, 0.1), lambda n: restarts(n, 2.0)),
    "restarts of 1.5": (schedules.CosineDecayRestarts(0.5, 10, 1.5, 0.8, 0.1), lambda n: restarts(n, 1.5)),
    "restarts alike": (schedules.CosineDecayRestarts(0.5, 10, 1.0, 0.8, 0.1), lambda n: restarts(n, 1.0)),
}  # fmt: skip


def restarts(n, t):
    length, height = 10, 1.0
    while n >= length:
        n, length, height = n - length, length * t, height * 0.8
    return 0.5 * (0.9 * height * (1 + np.cos(np.pi * n / length)) / 2 + 0.1)


def test_schedules_follow_their_formulas(backend):
    n = K.variable(0.0)
    rates = K.function([], [schedule(n) for schedule, _ in SCHEDULES.values()])
    for step in (0, 1, 3, 4, 9, 10, 11, 15, 20, 25, 30, 50, 69, 70, 71, 1000):
        K.set_value(n, step)
        for name, (_, formula), got in zip(SCHEDULES, SCHEDULES.values(), rates([]), strict=True):
            np.testing.assert_allclose(got, formula(step), rtol=1e-4, atol=1e-12, err_msg=f"{name} at {step}")


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_survive_their_configs_and_those_of_optimizers(name):
    schedule, formula = SCHEDULES[name]
    again = schedules.deserialize(schedules.serialize(schedule))
    assert vars(again) == vars(schedule)
    optimizer = optimizers.Adam(lr=schedule)
    config = optimizers.serialize(optimizer)
    again = optimizers.deserialize(config)
    assert optimizers.serialize(again) == config
    assert float(again.lr) == pytest.approx(formula(0))
    assert float(schedule(12)) == pytest.approx(formula(12), rel=1e-4)


def test_a_schedule_of_ones_own_is_a_custom_object(tmp_path):
    class Halved(schedules.LearningRateSchedule):
        def __init__(self, start):
            self.start = start

        def __call__(self, step):
            return self.start * K.pow(K.constant(0.5), step)

    model = Sequential([Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))])
    model.compile(optimizers.SGD(Halved(1.0)), lambda target, output: -output)
    for _ in range(3):
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
    assert model.get_weights()[0] == 1.75
    model.compile(optimizers.SGD(Halved(1.0)), "mse")
    model.save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5", custom_objects={"Halved": Halved})
    assert again.optimizer.get_config()["learning_rate"] == {"class_name": "Halved", "config": {"start": 1.0}}


def test_a_scheduled_learning_rate_cannot_be_set():
    optimizer = optimizers.SGD(schedules.CosineDecay(0.1, 10))
    with pytest.raises(ValueError, match="follows a CosineDecay"):
        optimizer.lr = 0.5


@pytest.mark.parametrize(
    "wrong", [lambda: schedules.PiecewiseConstantDecay([1], [1.0]), lambda: schedules.deserialize("Cosine")]
)
def test_wrong_schedules_are_refused(wrong):
    with pytest.raises(ValueError, match=r"PiecewiseConstantDecay: .*1 boundaries|Did you mean 'CosineDecay'"):
        wrong()


@pytest.mark.parametrize("name", ["gradient_accumulation_steps", "ema_overwrite_frequency"])
def test_numbers_of_steps_are_checked(name):
    with pytest.raises(ValueError, match=f"SGD: {name} has to be a number of steps"):
        optimizers.SGD(**{name: 0})


def test_no_weight_decay_may_be_none():
    assert optimizers.Lion(weight_decay=None).get_config()["weight_decay"] == 0.0
    assert optimizers.AdamW(weight_decay=None).get_config()["weight_decay"] == 0.0


def test_own_get_updates_cannot_accumulate():
    class Own(optimizers.Optimizer):
        def get_updates(self, loss, params):
            return []

    with pytest.raises(TypeError, match="get_updates of its own"):
        Own(gradient_accumulation_steps=2)


@pytest.mark.parametrize("method", METHODS)
def test_a_file_goes_on_as_if_never_closed(method, tmp_path):
    save_and_load(method, tmp_path)


@pytest.mark.parametrize("method", SOME)
def test_a_file_goes_on_on_each_backend(method, backend, tmp_path):
    save_and_load(method, tmp_path)


def save_and_load(method, tmp_path):
    make, arguments, _ = METHODS[method]
    source = np.random.RandomState(0)
    x, y = source.normal(size=(6, 4, 3)).astype("float32"), source.normal(size=(6, 4, 2)).astype("float32")
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(make(LR, clipvalue=0.5, gradient_accumulation_steps=2, use_ema=True, **arguments), "mse")
    for i in range(3):  # one gradient waits for the next
        model.train_on_batch(x[i], y[i])
    model.save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for i in range(3, 6):
        assert model.train_on_batch(x[i], y[i]) == again.train_on_batch(x[i], y[i])
    for a, b in zip(model.optimizer.get_weights(), again.optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_methods_agree_with_those_of_torch():
    torch = pytest.importorskip("torch")
    pairs = [
        (optimizers.SGD(LR, momentum=0.8), lambda p: torch.optim.SGD(p, LR, momentum=0.8)),
        (optimizers.SGD(LR, momentum=0.8, nesterov=True), lambda p: torch.optim.SGD(p, LR, 0.8, nesterov=True)),
        (optimizers.RMSprop(LR, rho=0.8), lambda p: torch.optim.RMSprop(p, LR, 0.8, 1e-7)),
        (optimizers.Adagrad(LR), lambda p: torch.optim.Adagrad(p, LR, eps=1e-7)),
        (optimizers.Adadelta(LR), lambda p: torch.optim.Adadelta(p, LR, 0.95, 1e-7)),
        (optimizers.Adam(LR), lambda p: torch.optim.Adam(p, LR, eps=1e-7)),
        (optimizers.Adam(LR, amsgrad=True), lambda p: torch.optim.Adam(p, LR, eps=1e-7, amsgrad=True)),
        (optimizers.AdamW(LR, weight_decay=0.1), lambda p: torch.optim.AdamW(p, LR, eps=1e-7, weight_decay=0.1)),
        (optimizers.Adamax(LR), lambda p: torch.optim.Adamax(p, LR, eps=1e-7)),
    ]
    for ours, theirs in pairs:
        p = torch.tensor(START, requires_grad=True)
        optimizer = theirs([p])
        for _ in range(STEPS):
            optimizer.zero_grad()
            (torch.tensor(SCALE / 4) * p**4).sum().backward()
            optimizer.step()
        np.testing.assert_allclose(train(ours), p.detach().numpy(), rtol=3e-5, err_msg=type(ours).__name__)
