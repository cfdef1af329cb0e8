"""The random state of a graph, and of the global generators around it, as plain data that can be put back."""

import random
import sys

import numpy as np

from . import runtime
from .tensor import Counter, Tensor, Update


class Draws:
    """The random ops that some tensors depend on, those in loops and branches too, in the order of their making.

    tensors: list of tensors, updates among them.
    """

    def __init__(self, tensors):
        self.ops = sorted(_drawing(tensors), key=lambda apply: apply.serial)

    def get_state(self):
        """[seed, how often it has drawn] of each: all of its state."""
        return [[apply.args[_seed(apply)], _counter(apply).value] for apply in self.ops]

    def set_state(self, state):
        """Put back what `get_state` gave, for a graph that was built in the same way. Raises ValueError for another."""
        if len(state) != len(self.ops):
            raise ValueError(f"The state is of {len(state)} random ops, but the graph has {len(self.ops)}.")
        reseeded = False
        for apply, (seed, count) in zip(self.ops, state, strict=True):
            at = _seed(apply)
            reseeded |= apply.args[at] != seed
            apply.args = (*apply.args[:at], seed, *apply.args[at + 1 :])
            _counter(apply).value = count
        if reseeded:
            runtime.Active.epoch += 1  # compiled functions have the old seeds in them


def _seed(apply):
    return apply.op.parameters.index("seed")


def _counter(apply):
    return next(t for t in apply.inputs if isinstance(t, Counter))


def _drawing(tensors):
    """The applications of random ops that the tensors depend on."""
    found, seen, stack = [], set(), list(tensors)
    while stack:
        item = stack.pop()
        if isinstance(item, (list, tuple)):
            stack.extend(item)
        elif isinstance(item, Update):
            stack += [item.new_value, *item.control]
        elif hasattr(item, "captured"):  # the body of a loop or branch
            stack.extend(item.outputs)
        elif isinstance(item, Tensor) and item.owner is not None and item.owner not in seen:
            apply = item.owner
            seen.add(apply)
            stack += [apply.args, apply.expansion or (), apply.control]
            if "seed" in apply.op.parameters and any(isinstance(t, Counter) for t in apply.inputs):
                found.append(apply)
    return found


def global_state():
    """The states of the generators that a process shares: NumPy's, Python's, and PyTorch's where it is imported."""
    state = {"numpy": np.random.get_state(legacy=False), "python": random.getstate()}
    torch = sys.modules.get("torch")
    if torch is not None:
        state["torch"] = torch.get_rng_state().numpy()
    return state


def set_global_state(state):
    """Put back what `global_state` gave."""
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in state:
        torch.set_rng_state(torch.from_numpy(np.array(state["torch"])))
