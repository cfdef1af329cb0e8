"""PyTorch by hand: `nn.functional` under autograd, the fused or multi-tensor optimizers of `torch.optim`."""

import torch
import torch.nn.functional as F

from ..workloads import (
    BLOCKS,
    BN_EPSILON,
    BN_MOMENTUM,
    DROPOUT,
    FEATURES,
    HEADS,
    LN_EPSILON,
    OPTIMIZERS,
    STAGES,
)
from . import TrainerBase

NAME = "PyTorch, eager"
COMPILE = False
CHANNELS_LAST = ("cnn", "resnet20")  # where that layout is the faster one


class Trainer(TrainerBase):
    def __init__(self, workload, check=False):
        self.net, self.training, self.sigmoid = MODELS[workload.name], True, workload.classes == 1
        self.rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
        self.layout = torch.channels_last if workload.name in CHANNELS_LAST else torch.contiguous_format
        self.weights = {name: convert(name, arrays, self.layout) for name, arrays in workload.weights().items()}
        trainable = [w for ws in self.weights.values() for w in ws if w.requires_grad]
        self.optimizer = optimizer(workload.optimizer, trainable)
        self.lstm = lstm_module(self.weights.get("lstm"))
        if self.lstm:
            self.optimizer = optimizer(workload.optimizer, [*self.lstm.parameters(), *self.without_lstm()])
        if check and workload.optimizer == "adam":
            self.optimizer.register_step_pre_hook(KerasEpsilon())
        if COMPILE:
            self.loss, self.probabilities = torch.compile(self.loss), torch.compile(self.probabilities)

    def without_lstm(self):
        return [w for name, ws in self.weights.items() if name != "lstm" for w in ws]

    def loss(self, x, y):
        logits = self.net(self, x)
        if self.sigmoid:
            return F.binary_cross_entropy_with_logits(logits, y)
        return F.cross_entropy(logits, y[:, 0].long())

    def probabilities(self, x):
        logits = self.net(self, x)
        return logits.sigmoid() if self.sigmoid else logits.softmax(1)

    def step(self, x, y):
        loss = self.loss(torch.from_numpy(x), torch.from_numpy(y))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def outputs(self, x):
        self.training = False
        with torch.inference_mode():
            found = self.probabilities(torch.from_numpy(x)).numpy()
        self.training = True
        return found

    def dense(self, name, x):
        return F.linear(x, *self.weights[name])

    def dropout(self, i, x):
        return F.dropout(x, self.rates[i], self.training) if self.rates[i] else x

    def images(self, x):
        """[batch, height, width, channels] as PyTorch numbers the axes; with channels last in memory, no copy."""
        x = x.permute(0, 3, 1, 2)
        return x if self.layout is torch.channels_last else x.contiguous()


def convert(name, arrays, layout):
    """Weights from Keras's layout into PyTorch's; the last two of a batch norm are not trained."""
    tensors = [torch.from_numpy(a) for a in arrays]
    if name.startswith("attention"):
        return attention_weights(tensors)
    kernel = tensors[0]
    if name == "hidden" and kernel.shape[0] == 12 * 12 * 64:  # after Flatten: channels come first here
        tensors[0] = kernel.reshape(12, 12, 64, 128).permute(3, 2, 0, 1).reshape(128, -1)
    elif kernel.ndim == 4:
        tensors[0] = kernel.permute(3, 2, 0, 1).contiguous(memory_format=layout)
    elif kernel.ndim == 3:
        tensors[0] = kernel.permute(2, 1, 0)
    elif kernel.ndim == 2 and name != "embedding":
        tensors[0] = kernel.t()
    trained = 2 if name.startswith("bn") else len(tensors)
    keep = torch.preserve_format if kernel.ndim == 4 else torch.contiguous_format
    return [t.clone(memory_format=keep).requires_grad_(i < trained) for i, t in enumerate(tensors)]


def attention_weights(tensors):
    """Queries, keys and values from one product: kernel and bias of it, kernel and bias of the output."""
    kernels, biases, (out, out_bias) = tensors[:6:2], tensors[1:6:2], tensors[6:]
    into = torch.cat([k.reshape(FEATURES, FEATURES).t() for k in kernels]), torch.cat([b.flatten() for b in biases])
    return [t.contiguous().requires_grad_() for t in (*into, out.reshape(FEATURES, FEATURES).t(), out_bias)]


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
    }[name]()


def mlp_small(t, x):
    return t.dense("out", F.relu(t.dense("hidden", x)))


def mlp(t, x):
    h = t.dropout(0, F.relu(t.dense("hidden1", x)))
    return t.dense("out", t.dropout(1, F.relu(t.dense("hidden2", h))))


def cnn(t, x):
    h = F.relu(F.conv2d(t.images(x), *t.weights["conv1"]))
    h = F.max_pool2d(F.relu(F.conv2d(h, *t.weights["conv2"])), 2)
    h = t.dropout(0, h).flatten(1)
    return t.dense("out", t.dropout(1, F.relu(t.dense("hidden", h))))


def lstm(t, x):
    sequence, _ = t.lstm(F.embedding(x, t.weights["embedding"][0]))
    return t.dense("out", sequence[:, -1])


def conv1d(t, x):
    h = F.embedding(x, t.weights["embedding"][0]).transpose(1, 2)
    h = F.relu(F.conv1d(h, *t.weights["conv"])).amax(2)
    return t.dense("out", F.relu(t.dense("hidden", h)))


def transformer(t, x):
    batch, time, n = x.shape
    for b in BLOCKS:
        kernel, bias, out, out_bias = t.weights[f"attention{b}"]
        parts = F.linear(x, kernel, bias).view(batch, time, 3, HEADS, n // HEADS).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(*parts).transpose(1, 2).reshape(batch, time, n)
        x = F.layer_norm(x + F.linear(a, out, out_bias), (n,), *t.weights[f"norm{b}a"], LN_EPSILON)
        f = t.dense(f"outer{b}", F.relu(t.dense(f"inner{b}", x)))
        x = F.layer_norm(x + f, (n,), *t.weights[f"norm{b}b"], LN_EPSILON)
    return t.dense("out", x.mean(1))


def resnet20(t, x):
    h = F.relu(norm(t, "bn0", conv(t, "conv0", t.images(x))))
    for stage, block in STAGES:
        tag, stride = f"{stage}{block}", 2 if stage and not block else 1
        r = F.relu(norm(t, f"bn{tag}a", conv(t, f"conv{tag}a", h, stride)))
        r = norm(t, f"bn{tag}b", conv(t, f"conv{tag}b", r))
        if stride == 2:
            h = F.conv2d(h, *t.weights[f"conv{tag}s"], stride=2)
        h = F.relu(h + r)
    return t.dense("out", h.mean((2, 3)))


def conv(t, name, x, stride=1):
    """A 3x3 convolution, padded as TensorFlow's "same": on an even size, stride 2 pads at the end only."""
    if stride == 2:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), *t.weights[name], stride=2)
    return F.conv2d(x, *t.weights[name], padding=1)


def norm(t, name, x):
    gamma, beta, mean, variance = t.weights[name]
    return F.batch_norm(x, mean, variance, gamma, beta, t.training, momentum=1 - BN_MOMENTUM, eps=BN_EPSILON)


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20, conv1d, transformer)}
