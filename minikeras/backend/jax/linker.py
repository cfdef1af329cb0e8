"""Runs programs with JAX: one jit a program, traced from its straight line, with the state donated."""

import contextlib
import threading

import jax
import numpy as np

from .. import config
from ..straight_line import straight_line
from .compiler import compiling, options
from .convolution import stored
from .fusion import fused
from .selection import raise_found
from .state import state_of

# Dispatch is asynchronous, so this is held for microseconds. Without it one thread could donate what another reads.
_dispatch = threading.RLock()
_no_context = contextlib.nullcontext()


def precision(dtypes):
    """The context in which JAX keeps 64-bit types, if there are any: the rest of the process does not notice."""
    if any(d in ("float64", "int64", "uint64") for d in dtypes):
        return jax.enable_x64(True) if hasattr(jax, "enable_x64") else _Wide()
    return _no_context


class _Wide:
    """The same for a JAX without `jax.enable_x64`: what it has instead can be entered only once."""

    def __enter__(self):
        self.context = jax.experimental.enable_x64()
        self.context.__enter__()

    def __exit__(self, *error):
        return self.context.__exit__(*error)


class Linked:
    """A program ready to run. Updated variables are donated: their memory takes the new values.

    engine: the backend package whose kernels are called, if not this one.
    """

    def __init__(self, program, engine=None):
        from . import package

        engine = engine or package()
        program = fused(program, engine) if config.optimize() else program
        self.program, self.counters = program, program.counters
        self.updated = [v for v, _ in program.updates]
        self.kept = [v for v in program.variables if v not in set(self.updated)]
        # Made once: entering it again costs half of what making it does. No program runs within itself.
        self.width = precision(_dtypes(program))
        for variable in program.variables:
            variable.native()
        self.state = state_of(self.updated, self)
        line = straight_line(program, engine)
        order = {v: i for i, v in enumerate([*self.updated, *self.kept])}
        places = [order[v] for v in program.variables]

        backwards = any(step.op.name == "convolution_kernel_gradient" for step in program.steps)

        def run(donated, kept, inputs, counts):
            state = [*donated, *kept]
            before = stored.set(backwards)
            try:
                fed = [x.astype(v.dtype) for x, v in zip(inputs, program.inputs, strict=True)]
                outputs, news = line(*fed, *[state[i] for i in places], counts)
                return outputs, [*news]
            finally:
                stored.reset(before)

        self.compiled, self.run = jax.jit(run, donate_argnums=0, compiler_options=options()), None

    def _first(self, *arguments):
        """The first call, which compiles."""
        try:
            with compiling():
                return self.compiled(*arguments)
        finally:
            self.run = self.compiled

    def __call__(self, inputs):
        raise_found()  # what an earlier call met
        run = self.run or self._first
        # Each array from the host costs a transfer: none where nothing is drawn.
        counts = np.array([c.value for c in self.counters], dtype=np.int32) if self.counters else ()
        with _dispatch, self.width:
            state, kept = self.state, [v._native for v in self.kept]
            if state is not None and state.whole:
                outputs, state.arrays = run(state.arrays, kept, list(inputs), counts)
            else:
                outputs, news = run([v._native for v in self.updated], kept, list(inputs), counts)
                for variable, new in zip(self.updated, news, strict=True):
                    variable._native = new
        for counter in self.counters:
            counter.value += 1
        return outputs


def _dtypes(program):
    """All dtypes in a program and its bodies."""
    found = {v.dtype for v in (*program.inputs, *program.outputs)} | {v.dtype for v in program.variables}
    for step in program.steps:
        found.update(v.dtype for v in (*step.inputs, *step.outputs))
        for arg in step.args:
            if isinstance(arg, type(program)):
                found |= _dtypes(arg)
    return found
