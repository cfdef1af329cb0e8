"""PyTorch by hand: `nn.functional` under autograd, the fused or multi-tensor optimizers of `torch.optim`."""

import torch
import torch.nn.functional as F

from ..workloads import BN_EPSILON, BN_MOMENTUM, DROPOUT, OPTIMIZERS, STAGES
from . import TrainerBase

NAME = "PyTorch, eager"
WORKLOADS = ("mlp_small", "mlp", "cnn", "lstm", "resnet20")
COMPILE = False


class Trainer(TrainerBase):
    def __init__(self, workload, check=False):
        self.shape, self.loss = workload.shape, MODELS[workload.name]
        self.rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
        self.weights = {name: convert(name, arrays) for name, arrays in workload.weights().items()}
        trainable = [w for ws in self.weights.values() for w in ws if w.requires_grad]
        self.optimizer = optimizer(workload.optimizer, trainable)
        self.lstm = lstm_module(self.weights.get("lstm"))
        if self.lstm:
            self.optimizer = optimizer(workload.optimizer, [*self.lstm.parameters(), *self.without_lstm()])
        if check and workload.optimizer == "adam":
            self.optimizer.register_step_pre_hook(KerasEpsilon())
        if COMPILE:
            self.loss = torch.compile(self.loss)

    def without_lstm(self):
        return [w for name, ws in self.weights.items() if name != "lstm" for w in ws]

    def step(self, x, y):
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        loss = self.loss(self, x, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def dense(self, name, x):
        return F.linear(x, *self.weights[name])

    def dropout(self, i, x):
        return F.dropout(x, self.rates[i]) if self.rates[i] else x


def convert(name, arrays):
    """Weights from Keras's layout into PyTorch's; the last two of a batch norm are not trained."""
    tensors = [torch.from_numpy(a) for a in arrays]
    if name == "hidden" and arrays[0].shape[0] == 12 * 12 * 64:  # after Flatten: channels come first here
        tensors[0] = tensors[0].reshape(12, 12, 64, 128).permute(2, 0, 1, 3).reshape(-1, 128)
    if name.startswith("conv"):
        tensors[0] = tensors[0].permute(3, 2, 0, 1)
    elif len(arrays[0].shape) == 2 and name != "embedding":
        tensors[0] = tensors[0].t()
    trained = 2 if name.startswith("bn") else len(tensors)
    return [t.contiguous().requires_grad_(i < trained) for i, t in enumerate(tensors)]


def lstm_module(weights):
    if weights is None:
        return None
    kernel, recurrent, bias = (w.detach() for w in weights)
    module = torch.nn.LSTM(kernel.shape[1], kernel.shape[0] // 4, batch_first=True)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), (kernel, recurrent.t(), bias, 0 * bias), strict=True):
            parameter.copy_(value)
    module.bias_hh_l0.requires_grad_(False)  # Keras has one bias: two would take twice the step
    return module


class KerasEpsilon:
    """Keras adds epsilon to sqrt(v), PyTorch to the unbiased sqrt(v / (1 - beta_2^t)): make them one."""

    def __init__(self):
        self.t = 0

    def __call__(self, adam, args, kwargs):
        self.t += 1
        o = OPTIMIZERS["adam"]
        adam.param_groups[0]["eps"] = o["epsilon"] / (1 - o["beta_2"] ** self.t) ** 0.5


def optimizer(name, parameters):
    o = OPTIMIZERS[name]
    return {
        "adam": lambda: torch.optim.Adam(parameters, lr=o["lr"], eps=o["epsilon"], fused=True),
        "rmsprop": lambda: torch.optim.RMSprop(parameters, lr=o["lr"], alpha=o["rho"], eps=o["epsilon"], foreach=True),
        "adadelta": lambda: torch.optim.Adadelta(parameters, lr=o["lr"], rho=o["rho"], eps=o["epsilon"], foreach=True),
        "sgd": lambda: torch.optim.SGD(parameters, lr=o["lr"], momentum=o["momentum"], fused=True),
    }[name]()


def mlp_small(t, x, y):
    return F.cross_entropy(t.dense("out", F.relu(t.dense("hidden", x))), y[:, 0].long())


def mlp(t, x, y):
    h = t.dropout(0, F.relu(t.dense("hidden1", x)))
    h = t.dropout(1, F.relu(t.dense("hidden2", h)))
    return F.cross_entropy(t.dense("out", h), y[:, 0].long())


def cnn(t, x, y):
    h = F.relu(F.conv2d(x.permute(0, 3, 1, 2), *t.weights["conv1"]))
    h = F.max_pool2d(F.relu(F.conv2d(h, *t.weights["conv2"])), 2)
    h = t.dropout(0, h).flatten(1)
    h = t.dropout(1, F.relu(t.dense("hidden", h)))
    return F.cross_entropy(t.dense("out", h), y[:, 0].long())


def lstm(t, x, y):
    sequence, _ = t.lstm(F.embedding(x, t.weights["embedding"][0]))
    return F.binary_cross_entropy_with_logits(t.dense("out", sequence[:, -1]), y)


def resnet20(t, x, y):
    h = F.relu(norm(t, "bn0", conv(t, "conv0", x.permute(0, 3, 1, 2))))
    for stage, block in STAGES:
        tag, stride = f"{stage}{block}", 2 if stage and not block else 1
        r = F.relu(norm(t, f"bn{tag}a", conv(t, f"conv{tag}a", h, stride)))
        r = norm(t, f"bn{tag}b", conv(t, f"conv{tag}b", r))
        if stride == 2:
            h = F.conv2d(h, *t.weights[f"conv{tag}s"], stride=2)
        h = F.relu(h + r)
    return F.cross_entropy(t.dense("out", h.mean((2, 3))), y[:, 0].long())


def conv(t, name, x, stride=1):
    """A 3x3 convolution, padded as TensorFlow's "same": on an even size, stride 2 pads at the end only."""
    if stride == 2:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), *t.weights[name], stride=2)
    return F.conv2d(x, *t.weights[name], padding=1)


def norm(t, name, x):
    gamma, beta, mean, variance = t.weights[name]
    return F.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=1 - BN_MOMENTUM, eps=BN_EPSILON)


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20)}
