"""Neighbouring steps as one call, before a program is planned."""

from .. import runtime
from ..exchange import Call, again, exchange
from .convolution import convolution_gradients, convolution_input_gradient, convolution_kernel_gradient

BOTH = Call("convolution_gradients", convolution_gradients)


def fused(program, engine):
    """The program with fewer steps. Its Values stay; what makes them changes.

    engine: the backend package whose kernels are called. What it has kernels of its own for is left alone.
    """
    made = {value: i for i, step in enumerate(program.steps) for value in step.outputs}
    backwards, joined = {}, False
    for step in program.steps:
        if runtime.kernel(engine, step.op) is convolution_input_gradient:
            g, kernel, sizes, *geometry = step.args
            backwards.setdefault((g, kernel.shape, tuple(sizes), *geometry), []).append(step)
    for step in program.steps:
        if runtime.kernel(engine, step.op) is convolution_kernel_gradient:
            x, g, kernel_shape, strides, padding, dilation_rate, depthwise = step.args
            found = backwards.get((g, tuple(kernel_shape), x.shape[1:-1], *step.args[3:]))
            # The columns of g must not be more than those of x would be, and there has to be something in them.
            if not found or depthwise or any(s != 1 for s in strides) or kernel_shape[-1] > kernel_shape[-2]:
                continue
            kernel, first = found[-1].args[1], min(made[step.outputs[0]], made[found[-1].outputs[0]])
            # In second derivatives either of them may come from the other.
            if x.size and g.size and all(made.get(value, -1) < first for value in (x, kernel)):
                exchange(step, BOTH, (x, g, kernel, padding, dilation_rate), found.pop())
                joined = True
    return again(program) if joined else program
