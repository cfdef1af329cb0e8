"""NumPy kernels of choices and loops: Python runs the compiled body."""

import sys

import numpy as np


def print_tensor(x, message):
    print(message, x, file=sys.stderr)
    return x


def _cond(condition, for_then, for_otherwise, then, otherwise):
    results = then(*for_then, None) if condition else otherwise(*for_otherwise, None)
    return results if len(results) > 1 else results[0]


def _scan(carry, xs, captured, body, reverse, length, outs=None):
    n, outs = len(carry), outs or [None] * len(body.output_specs)
    stacks = [np.empty((length, *spec.shape), spec.dtype) if out is None else out
              for spec, out in zip(body.output_specs[n:], outs[n:], strict=True)]  # fmt: skip
    for t in range(length - 1, -1, -1) if reverse else range(length):
        results = body(*carry, *[x[t] for x in xs], *captured, None)
        carry = results[:n]
        for stack, y in zip(stacks, results[n:], strict=True):
            stack[t] = y
    if not length:
        carry = [np.array(value) for value in carry]  # the caller's buffers have other uses later
    for value, out in zip(carry, outs, strict=False):
        if out is not None:
            np.copyto(out, value)
    results = (*carry, *stacks)
    return results if len(results) > 1 else results[0]
