"""Graphs of ops as plain data (what JSON holds), and back: functions that can be stored without their code.

A graph is {"inputs": [spec], "steps": [[name of the op, arguments]], "outputs": [value]}, where a spec is [shape,
dtype]. The inputs are values 0, 1, ..., the outputs of the steps go on from there, and among the arguments
{"t": n} is value n. Loops and branches have graphs among their arguments, whose parameters and steps count on from
where the step stands. Reading applies ops of K to tensors; nothing in the data is ever run.
"""

import math

import numpy as np

from .op import OPS, as_tensor
from .session import learning_phase
from .subgraph import Body, close
from .tensor import DTYPES, Constant, Counter, Placeholder, Tensor, Update, in_order, serials

# What a graph in a file may be at most: steps, numbers in its constants, elements of a tensor, parts of a split.
MOST_STEPS, MOST_NUMBERS, MOST_ELEMENTS, MOST_PARTS, MOST_AXES = 10_000, 1 << 16, 1 << 31, 1000, 32
_CODE = {"native"}  # ops whose arguments are functions
# Ops with graphs among their arguments, and the arguments for what these capture.
_BODIES = {"_scan": {"body": "captured"}, "_cond": {"then": "for_then", "otherwise": "for_otherwise"}}


class NotPlain(ValueError):
    """The tensors depend on what plain data cannot hold: variables, updates, native functions, large arrays."""


# ---- tensors to data -----------------------------------------------------------------------------------------------


def graph_to_data(inputs, outputs):
    """The graph from some tensors to others. inputs, outputs: lists of tensors. Raises NotPlain."""
    if any(not isinstance(t, Tensor) for t in (*inputs, *outputs)):
        raise NotPlain("sparse tensors")
    writer = _Writer({}, 0)
    specs = [writer.add(t) for t in inputs]
    return {"inputs": specs, **writer.graph(outputs)}


class _Writer:
    """numbers: tensor -> its number. count: of the values so far."""

    def __init__(self, numbers, count):
        self.numbers, self.count, self.steps = dict(numbers), count, []

    def add(self, tensor):
        """Give the tensor the next number; returns its spec."""
        self.numbers[tensor], self.count = self.count, self.count + 1
        shape = getattr(tensor, "_keras_shape", None) or tensor.shape
        return [list(shape), tensor.dtype]

    def graph(self, outputs):
        """The steps that make the tensors, and these."""
        for tensor in in_order(outputs, lambda t: t.owner.inputs if t.owner else (), skip=self.numbers):
            if tensor.owner and tensor not in self.numbers:
                self._step(tensor.owner)
        return {"steps": self.steps, "outputs": [self.value(t) for t in outputs]}

    def _step(self, apply):
        if apply.control or apply.op.name in _CODE:
            raise NotPlain(f"{apply.op.name}, or an update")
        args = dict(zip(apply.op.parameters, apply.args, strict=True))
        for name, taken in _BODIES.get(apply.op.name, {}).items():
            args[name], args[taken] = self._body(args[name], args[taken]), ()
        self.steps.append([apply.op.name, [self.value(arg) for arg in args.values()]])
        for tensor in apply.outputs:
            self.add(tensor)

    def _body(self, body, captured):
        """A graph inside; what it captures are values of this one."""
        actual = {t: self.numbers[a] for t, a in zip(body.captured, captured, strict=True) if a in self.numbers}
        inner = _Writer({**self.numbers, **actual}, self.count)
        return {"parameters": [inner.add(t) for t in body.parameters], **inner.graph(body.outputs)}

    def value(self, value):
        """The data of an argument."""
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, (tuple, list)):
            return [self.value(item) for item in value]
        if isinstance(value, dict) or value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, np.generic):
            return value.item()
        raise NotPlain(f"an argument of type {type(value).__name__}")

    def _tensor(self, tensor):
        if tensor in self.numbers:
            return {"t": self.numbers[tensor]}
        if isinstance(tensor, Counter):
            return {"draws": True}
        if isinstance(tensor, Placeholder) and tensor.default == "phase":
            return {"phase": True}
        if not isinstance(tensor, Constant) or tensor.dtype == "bfloat16":
            raise NotPlain("an update" if isinstance(tensor, Update) else f"{tensor!r}")
        if math.prod(tensor.shape) > MOST_NUMBERS:
            raise NotPlain(f"a constant of shape {tensor.shape}")
        return {"array": tensor.value.ravel().tolist(), "shape": list(tensor.shape), "dtype": tensor.dtype}


# ---- data to tensors -----------------------------------------------------------------------------------------------


def graph_from_data(data, inputs):
    """The outputs, a list of tensors, of a graph that `graph_to_data` wrote, applied to tensors.

    Raises ValueError for what is no graph of ops of K, or is larger than any that is written.
    """
    try:
        return _Reader(list(inputs), [MOST_STEPS]).graph(data)
    except (AttributeError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"The stored graph cannot be read: {error}") from error


class _Reader:
    """values: the tensors so far. left: [how many steps there may be]."""

    def __init__(self, values, left):
        self.values, self.left = values, left

    def graph(self, data):
        for name, args in data["steps"]:
            self.left[0] -= 1
            if self.left[0] < 0:
                raise ValueError(f"it has more than {MOST_STEPS} steps.")
            made = self._apply(name, args)
            self.values += made if isinstance(made, tuple) else [made]
        return [self._tensor(value) for value in data["outputs"]]

    def _apply(self, name, args):
        op = OPS.get(name)
        if op is None or name in _CODE:
            raise ValueError(f"{name!r} is no op that a graph in a file may have.")
        if len(args) != len(op.parameters):
            raise ValueError(f"{name} has the arguments {op.parameters}, got {len(args)}.")
        bodies = _BODIES.get(name, {})
        args = {p: arg if p in bodies else self._value(arg) for p, arg in zip(op.parameters, args, strict=True)}
        for at, taken in bodies.items():
            args[at] = self._body(args[at], lazy=name == "_cond")
            args[taken] = args[at].captured
        parts = args.get("n_or_sizes", args.get("top_paths"))  # it says how many outputs there are
        if isinstance(parts, int) and parts > MOST_PARTS:
            raise ValueError(f"{name} has {parts} outputs.")
        made = op.apply(args.values())
        for tensor in made if isinstance(made, tuple) else (made,):
            if math.prod(n or 1 for n in tensor.shape) > MOST_ELEMENTS or tensor.ndim > MOST_AXES:
                raise ValueError(f"{name} makes a tensor of shape {tensor.shape}.")
        return made

    def _body(self, data, lazy) -> Body:
        parameters = [Placeholder(tuple(shape), _known(dtype), "parameter:0") for shape, dtype in data["parameters"]]
        since = next(serials)
        outputs = _Reader([*self.values, *parameters], self.left).graph(data)
        return close(tuple(parameters), outputs, since, lazy=lazy)[0]

    def _tensor(self, value):
        made = self._value(value)
        if not isinstance(made, Tensor):
            raise ValueError(f"{str(value)[:100]} is no tensor.")
        return made

    def _value(self, value):
        if isinstance(value, list):
            return tuple(self._value(item) for item in value)
        if not isinstance(value, dict):
            if type(value) is int and abs(value) > 1 << 62:
                raise ValueError(f"the number {value} is too large.")
            return value
        if "t" in value:
            if type(value["t"]) is not int or not 0 <= value["t"] < len(self.values):
                raise ValueError(f"there is no value {value['t']!r} yet.")
            return self.values[value["t"]]
        if "draws" in value:
            return Counter()
        if "phase" in value:
            return as_tensor(learning_phase())
        array = np.array(value["array"], dtype=_known(value["dtype"]))
        return Constant(array.reshape([int(n) for n in value["shape"]]))


def _known(dtype):
    if dtype not in DTYPES:
        raise ValueError(f"{dtype!r} is no dtype.")
    return dtype
