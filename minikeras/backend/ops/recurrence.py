"""Loops over a sequence: recurrent steps, maps and folds. All of them are one scan."""

from ..op import as_tensor
from ..subgraph import close, merged_spec, parameter_like, trace
from ..tensor import Placeholder, show
from . import math as _math
from .control import loop
from .creation import arange, full, zeros_like
from .indexing import reverse
from .joining import stack
from .reduction import cumsum as _cumsum
from .reduction import sum as _sum
from .shape import cast, expand_dims, permute_dimensions, sizes_of


def _time_major(x):
    return permute_dimensions(x, (1, 0, *range(2, x.ndim)))


def _scanned(who, function, carry, xs, backwards=False):
    """(final carry, ys) of function(carry, slices) -> (new carry, ys), all lists, over the first axis of xs.

    The function may return a third list: further states, known only now, as (parameter, new state, () -> first state).
    """
    (length,) = sizes_of(xs[0], [0])
    step = Placeholder((), "int32", "step:0")
    states = [parameter_like(t, name="state") for t in carry]
    slices = [parameter_like(x, x.shape[1:]) for x in xs]
    (new, ys, *late), since = trace(lambda: function(states, slices), step)
    for parameter, after, first in late[0] if late else ():
        states.append(parameter)
        new, carry = [*new, after], [*carry, first()]
    ys = [as_tensor(y) for y in ys]
    body, _ = close((*states, *slices, step), [*_fitted(who, new, states), *ys], since)
    return loop(body, carry, (*slices, step), [*xs, arange(length)], backwards, length)


def _fitted(who, new, states):
    """The new states as tensors. Raises ValueError where one could not take the place of the old one."""
    if len(new) != len(states):
        raise ValueError(f"{who}: a step must return as many states as it is given: {len(states)}, got {len(new)}.")
    new = [as_tensor(n, s.dtype) for n, s in zip(new, states, strict=True)]
    for i, pair in enumerate(zip(states, new, strict=True)):
        merged_spec(f"{who}: a step must keep shape and dtype of state {i}: it gets {{}}, it returns {{}}.", *pair)
    return new


# ---- recurrent steps -----------------------------------------------------------------------------------------------


def rnn(step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
        input_length=None):  # fmt: skip
    """Runs a step function over the time axis of a sequence.

    step_function: (input at one time [batch, ...], states followed by constants) -> (output [batch, ...], new states),
    with lists of states. inputs: [batch, time, ...]. initial_states: a list of tensors, one for each state.
    go_backwards: from the last time to the first; the outputs are in the order of the steps.
    mask: [batch, time], nonzero where there is input. Elsewhere the step's output is that of the step before (zeros
    before the first), and the states stay as they are. constants: tensors that every step gets.
    unroll: whether to build each step, instead of a loop. input_length: accepted; the length is that of the inputs.
    Returns (last output, outputs [batch, time, ...], final states).
    Raises ValueError for a mask without states, and for `unroll` with an unknown number of steps.
    """
    inputs = as_tensor(inputs)
    if inputs.ndim < 2:
        raise ValueError(f"K.rnn: inputs must have axes for batch and time, got {show(inputs)}.")
    if mask is not None and not initial_states:
        raise ValueError("K.rnn: a mask needs states: a step that is masked keeps them.")
    states = [as_tensor(s) for s in initial_states]
    x = _time_major(inputs)
    mask = None if mask is None else _mask(as_tensor(mask))
    run = _unrolled if unroll else _looped
    extra = list(constants or [])
    last, outputs, states = run(lambda x, s: step_function(x, [*s, *extra]), x, states, mask, go_backwards)
    return last, _time_major(outputs), states


def _mask(mask):
    """The mask as bools [time, batch]."""
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[:, :, 0]
    if mask.ndim != 2:
        raise ValueError(f"K.rnn: the mask must be [batch, time], got {show(mask)}.")
    return _time_major(cast(mask, "bool"))


def _masked(mask, new, old):
    """`new` where the mask, of the first axes, holds, else `old`."""
    for _ in range(new.ndim - mask.ndim):
        mask = expand_dims(mask, -1)
    return _math.where(mask, new, old)


_MOST_UNROLLED = 2000  # so that a config from a stranger cannot keep us building


def _unrolled(step, x, states, mask, backwards):
    if x.shape[0] is None:
        raise ValueError("K.rnn: unroll=True needs inputs with a known number of steps. Give the input shape, or loop.")
    if x.shape[0] > _MOST_UNROLLED:
        raise ValueError(f"K.rnn: unroll=True builds every step, and {x.shape[0]} are too many. Use unroll=False.")
    outputs, times = [], range(x.shape[0])
    for t in reversed(times) if backwards else times:
        output, new = step(x[t], states)
        if mask is not None:
            holds = mask[t]
            output = _masked(holds, output, outputs[-1] if outputs else zeros_like(output))
            new = [_masked(holds, n, s) for n, s in zip(new, states, strict=True)]
        outputs.append(output)
        states = list(new)
    return outputs[-1], stack(outputs), states


def _looped(step, x, initial, mask, backwards):
    """An output that is a state needs no memory of its own: with a mask it differs before the first input only."""
    found, end = {}, 0 if backwards else -1

    def one(states, slices):
        output, new = step(slices[0], states)
        found["state"] = at = next((i for i, s in enumerate(new) if s is output), None)
        if mask is None:
            return list(new), [output]
        kept = [_masked(slices[1], n, s) for n, s in zip(new, states, strict=True)]
        if at is not None:
            return kept, [kept[at]]
        before = parameter_like(output, name="output")
        after = _masked(slices[1], output, before)
        return kept, [after], [(before, after, lambda: _zero_output(output, step, x, initial))]

    finals, (outputs,) = _scanned("K.rnn", one, initial, [x] if mask is None else [x, mask], backwards)
    if found["state"] is not None:
        last = finals[found["state"]]
        if mask is not None:
            started = _started(mask, backwards)
            last = _masked(started[end], last, zeros_like(last))
            outputs = _masked(started, outputs, zeros_like(outputs))
    elif mask is None:
        last = outputs[end]
    else:
        *finals, last = finals
    return last, reverse(outputs, 0) if backwards else outputs, finals


def _zero_output(output, step, x, states):
    """Zeros like a step's output, made outside of the loop."""
    batch, *sizes = output.shape
    if None in sizes:
        # Of this step only the shape is looked at: nothing of it is computed.
        return zeros_like(step(_sum(x, 0), states)[0])
    return full((*(sizes_of(x, [1]) if batch is None else [batch]), *sizes), 0.0, output.dtype)


def _started(mask, backwards):
    """Where [time, batch] there has been an input."""
    mask = cast(mask, "int32")
    count = reverse(_cumsum(reverse(mask, 0), 0), 0) if backwards else _cumsum(mask, 0)
    return _math.greater(count, 0)


# ---- maps and folds ------------------------------------------------------------------------------------------------


def _as_list(x):
    return [as_tensor(t) for t in x] if isinstance(x, (list, tuple)) else [as_tensor(x)]


def _as_given(tensors, like):
    return list(tensors) if isinstance(like, (list, tuple)) else tensors[0]


def map_fn(fn, elems, name=None, dtype=None):
    """fn(element) for each element along the first axis, stacked.

    elems: a tensor, or a list of them (then fn gets a list). dtype: that of the result, if it is to be another.
    fn may return a tensor or a list.
    """
    xs, returned = _as_list(elems), {}

    def one(_, slices):
        made = returned["made"] = fn(_as_given(slices, elems))
        return [], _as_list(made)

    _, ys = _scanned("K.map_fn", one, [], xs)
    ys = [y if dtype is None or isinstance(dtype, (list, tuple)) else cast(y, dtype) for y in ys]
    return _as_given(ys, returned["made"])


def foldl(fn, elems, initializer=None, name=None):
    """fn(fn(fn(initializer, first element), second), ...) over the first axis.

    fn: (accumulator, element) -> accumulator. elems: a tensor, or a list of them (then fn gets a list).
    initializer: the first accumulator; by default the first element.
    """
    return _folded(fn, elems, initializer, backwards=False)


def foldr(fn, elems, initializer=None, name=None):
    """As `foldl`, from the last element to the first."""
    return _folded(fn, elems, initializer, backwards=True)


def _folded(fn, elems, initializer, backwards):
    xs = _as_list(elems)
    if initializer is None:
        initializer = _as_given([x[-1 if backwards else 0] for x in xs], elems)
        xs = [x[:-1] if backwards else x[1:] for x in xs]

    def one(carry, slices):
        return _as_list(fn(_as_given(carry, initializer), _as_given(slices, elems))), []

    finals, _ = _scanned("K.foldl", one, _as_list(initializer), xs, backwards)
    return _as_given(finals, initializer)
