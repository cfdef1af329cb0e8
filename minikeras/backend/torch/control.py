"""PyTorch kernels of choices and loops: Python runs the compiled body."""

import sys

import torch

from .device import DTYPES, current


def print_tensor(x, message):
    print(message, x.cpu().numpy(), file=sys.stderr)
    return x


def _cond(condition, for_then, for_otherwise, then, otherwise):
    results = then(*for_then, None) if condition else otherwise(*for_otherwise, None)
    return results if len(results) > 1 else results[0]


def _scan(carry, xs, captured, body, reverse, length):
    n, slices = len(carry), [x.unbind(0) for x in xs]
    times = range(length - 1, -1, -1) if reverse else range(length)
    steps = []
    for t in times:
        results = body(*carry, *[x[t] for x in slices], *captured, None)
        carry = results[:n]
        steps.append(results[n:])
    if reverse:
        steps.reverse()
    stacks = [torch.stack(ys) for ys in zip(*steps, strict=True)] if steps else _empty(body.output_specs[n:])
    results = (*carry, *stacks)
    return results if len(results) > 1 else results[0]


def _empty(specs):
    return [torch.empty((0, *spec.shape), dtype=DTYPES[spec.dtype], device=current()) for spec in specs]
