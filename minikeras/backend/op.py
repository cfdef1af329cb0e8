"""The declaration of an op: one decorated function gives signature, documentation, and shape rule or meaning.

    @op
    def sum(x: Tensor, axis: Axes = None, keepdims: bool = False):
        '''Sum of the elements over `axis` ...'''
        return reduced(x, axis, keepdims)            # a primitive: a Spec (or several)

    sum.gradient(lambda g, y, x, axis, keepdims: spread(g, x, axis, keepdims))

A shape rule that many ops share may be named in the decorator, `@op(spec=reduced)`; the body is the docstring then.
The annotations say what the arguments are, and put them in canonical order once, before the body, the gradient rule and
the kernels see them: `Tensor` (or None), `Tensors` (a tuple of them), `Axis`, `Axes`, `Host` (integers that may be
tensors while the graph is built), `DType`. A body that returns a tensor makes the op a composite: it is what the op
means, and dissolves where a backend has no kernel of that name.
"""

import functools
import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import config
from .tensor import Apply, Constant, Tensor, building, dtype_name, is_float, is_sparse, show

OPS = {}  # name -> Op, in the order of declaration


class Spec(NamedTuple):
    """Shape and dtype of an output."""

    shape: tuple
    dtype: str

    @property
    def ndim(self):
        return len(self.shape)


def like(x):
    """The Spec of x itself."""
    return Spec(x.shape, x.dtype)


# ---- kinds of parameters --------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """An annotation. canonical: (argument, the first tensor) -> the form in which rules and kernels see the argument.
    """

    canonical: Callable


class Tensors:
    """Annotation: a list or tuple of tensors (None among them is kept)."""


def sorted_axes(axes, ndim):
    """An axis or several as a sorted tuple; None for all."""
    axes = axes if isinstance(axes, (list, tuple, np.ndarray)) else range(ndim) if axes is None else (axes,)
    return tuple(sorted({one_axis(a, ndim) for a in axes}))


# One axis of the first tensor, non-negative; None stays None.
Axis = Kind(lambda axis, x: axis if axis is None else one_axis(axis, x.ndim))
# Where a new axis goes; negative ones count from the end of the result.
NewAxis = Kind(lambda axis, x: one_axis(axis, x.ndim + 1))
# An axis or several; None for all. Becomes a sorted tuple.
Axes = Kind(lambda axes, x: sorted_axes(axes, x.ndim))
# An integer or several, which may be tensors: those are evaluated on the host when a program is specialised. Reaches
# shape rule and kernel as int or tuple (while building: a Tensor if not known).
Host = Kind(lambda integers, x: host_integers(integers))
# A dtype; None stands for floatx.
DType = Kind(lambda dtype, x: dtype_name(dtype))


def one_axis(axis, ndim):
    """Non-negative form of an axis. Raises ValueError when there is no such axis."""
    axis = int(axis)
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of range for {ndim} axes.")
    return axis % ndim if ndim else 0


def host_integers(value):
    """int or tuple of ints where known; else an integer tensor that gives them at run time."""
    if value is None or isinstance(value, Tensor):
        return value
    if isinstance(value, (int, np.integer)) or (isinstance(value, np.ndarray) and not value.ndim):
        return int(value)
    items = [v if v is None or isinstance(v, Tensor) else int(v) for v in value]
    if any(isinstance(v, Tensor) for v in items):
        return OPS["stack"]([OPS["cast"](v, "int32") if isinstance(v, Tensor) else as_tensor(v) for v in items])
    return tuple(items)


# ---- values into tensors ---------------------------------------------------------------------------------------------


def as_tensor(value, dtype=None):
    """The value as a tensor: tensors as they are, numbers and arrays as constants.

    A list of tensors (and numbers) is stacked.

    dtype: that of a constant; by default floatx for floats, int32 for integers, bool for bools. With a dtype of
    integers, a float value is given floatx instead, so that nothing is cut off.
    """
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        return _stack_mixed(value, dtype)
    if isinstance(value, Tensor) or is_sparse(value):
        return value
    array = np.asarray(value)
    kind = array.dtype.kind
    if kind not in "biuf":
        if array.size == 0 or kind != "O" or not isinstance(value, (list, tuple, np.ndarray)):
            hint = " (K.gradients gives it for what the loss does not depend on)" if value is None else ""
            raise TypeError(f"Expected a tensor, number or array of numbers, got {value!r}{hint}.")
        return _stack_mixed(value, dtype)
    if dtype is None:
        dtype = {"b": "bool", "f": config.floatx()}.get(kind, "int32")
        if isinstance(value, (np.ndarray, np.generic)) and kind in "iu":
            dtype = array.dtype.name
    elif kind == "f" and not is_float(dtype):
        dtype = config.floatx()
    if dtype == "bfloat16":
        return OPS["cast"](Constant(array.astype("float32")), dtype)
    return Constant(np.array(array, dtype=dtype))


def _stack_mixed(value, dtype):
    return OPS["stack"]([as_tensor(v, dtype) for v in value])


def promoted(values):
    """The tensors with one dtype: constants take that of the tensors; among tensors the wider float wins."""
    known = {v.dtype for v in values if isinstance(v, Tensor)}
    tensors = [as_tensor(v, _widest(known) if known else None) for v in values]
    dtype = _widest({t.dtype for t in tensors})  # tensors may differ, and a float constant may have met integers
    return [t if t.dtype == dtype else OPS["cast"](t, dtype) for t in tensors]


def _widest(dtypes):
    return functools.reduce(_wider, [d for d in dtypes if is_float(d)] or dtypes)


def _wider(a, b):
    if a == b or "bfloat16" in (a, b):
        return a if b in ("bool", "bfloat16") or not is_float(b) else b
    return np.promote_types(a, b).name if is_float(a) == is_float(b) else (a if is_float(a) else b)


# ---- declaration -----------------------------------------------------------------------------------------------------


class Op:
    """A declared op. name, family (its module), parameters (names), rules; see the module's docstring."""

    def __init__(self, function, spec=None, elementwise=False, promote=(), random=False, host=None, prepare=None,
                 fold=True, composite=False):  # fmt: skip
        self.name, self.function, self.spec = function.__name__, function, spec or function
        self.family = function.__module__.rsplit(".", 1)[-1]
        self.signature = inspect.signature(function)
        self.parameters = tuple(self.signature.parameters)
        self.annotations = tuple(p.annotation for p in self.signature.parameters.values())
        self.elementwise, self.random, self.host, self.fold = elementwise, random, host, fold
        self.tensor_positions = tuple(i for i, a in enumerate(self.annotations) if a in (Tensor, Tensors))
        self.promote = self.tensor_positions if elementwise else tuple(self.parameters.index(n) for n in promote)
        self.host_positions = tuple(i for i, a in enumerate(self.annotations) if a is Host)
        self.kinds = tuple((i, a.canonical) for i, a in enumerate(self.annotations) if isinstance(a, Kind))
        self.bind, self.composite = prepare or _binder(self), composite
        self.rules, self.joint = None, False  # one gradient rule a tensor parameter, or a joint one
        self.specialise = None  # (specialiser, args) -> args: traces become programs
        self.prune = None  # (step, values that are used): lets a step drop outputs
        self.alike = None  # (step) -> its outputs, one of them in place of all that are equal to it
        self.rewrites = []  # (emit, *args) -> value or None, tried when a program is specialised
        self.always = []  # those of them that run even where nothing is to be optimized
        self.dissolves = False  # whether one of these always applies, so that no kernel is needed
        OPS[self.name] = self

    def __reduce__(self):  # copies and pickles of graphs have the op itself
        return _op_named, (self.name,)

    def __repr__(self):
        return f"<op {self.name}{self.signature}>"

    def gradient(self, *rules):
        """Declares how a cotangent comes back: a rule (g, y, *arguments) -> cotangent for each tensor parameter.

        None, or nothing for the last ones, stands for no gradient.
        """
        self.rules = rules
        return rules[0]

    def joint_gradient(self, rule):
        """Declares one rule (g, y, *arguments) -> a cotangent (or None) for each tensor parameter."""
        self.rules, self.joint = rule, True
        return rule

    def rewrite(self, rule):
        """Declares a simplification: (emit, *arguments) -> value, or None where it does not apply."""
        self.rewrites.append(rule)
        return rule

    def resolve(self, rule):
        """Declares a rewrite that belongs to the op: it runs even where nothing is to be optimized."""
        self.always.append(rule)
        return self.rewrite(rule)

    def meaning(self, rule):
        """Declares what the op is, once shapes are known: (emit, *arguments) -> value. It needs no kernel then."""
        self.dissolves = True
        return self.resolve(rule)

    # -- application

    def __call__(self, *args, **kwargs):
        return self.apply(self.bind(*args, **kwargs))

    def apply(self, values):
        """Applies the op to arguments in the order of its signature: canonical form, shape rule, new tensors."""
        args = list(values)
        try:
            self._canonical(args)
            result = self.spec(*args)
        except (ValueError, TypeError) as error:
            raise explained(error, self, args, building.scope) from error
        return self.emit(args, result)

    def _canonical(self, args):
        if self.promote:
            for i, tensor in zip(self.promote, promoted([args[i] for i in self.promote]), strict=True):
                args[i] = tensor
        first = None
        for i in self.tensor_positions:
            value = args[i]
            if self.annotations[i] is Tensors:
                value = args[i] = tuple(None if v is None else as_tensor(v) for v in value)
                value = next((v for v in value if v is not None), None)
            elif value is not None and not isinstance(value, Tensor):
                value = args[i] = as_tensor(value, first.dtype if first is not None and is_float(first.dtype) else None)
            first = value if first is None else first
        for i, canonical in self.kinds:
            args[i] = canonical(args[i], first)

    def emit(self, args, result):
        """New tensors for the application, given what the body returned."""
        inputs = flat_tensors(args, self.tensor_positions, self.host_positions)
        specs = result if isinstance(result, (tuple, list)) and not isinstance(result, Spec) else (result,)
        if isinstance(specs[0], Tensor) != self.composite:
            raise TypeError(f"K.{self.name}: a body that returns tensors makes a composite: @op(composite=True).")
        control = ()
        if building.control:
            args, inputs, control = under_control(args, inputs)
        apply = Apply(self, tuple(args), inputs, tuple(specs) if self.composite else None, control)
        apply.outputs = tuple(Tensor(s.shape, s.dtype, None, apply, i) for i, s in enumerate(specs))
        if any(t._uses_learning_phase for t in inputs):
            for tensor in apply.outputs:
                tensor._uses_learning_phase = True
        return apply.outputs if specs is result else apply.outputs[0]


def _op_named(name):
    return OPS[name]


def explained(error, op, args, scope, kind=Tensor):
    """The error with op, place and shapes of the arguments (tensors of this kind); as it is where it has an op."""
    message, named = str(error), list(zip(op.parameters, args, strict=False))
    if message.startswith("K."):  # it was explained where it happened, inside this op
        return type(error)(message)
    shapes = [f"{name} {show(a)}" for name, a in named if isinstance(a, kind)]
    if not shapes:
        groups = [(name, [show(t) for t in a if isinstance(t, kind)]) for name, a in named if isinstance(a, tuple)]
        shapes = [f"{name} ({', '.join(found)})" for name, found in groups if found]
    lines = [f"K.{op.name}{f' in {scope}' if scope else ''}: {message}", *(["   ".join(shapes)] if shapes else [])]
    return type(error)("\n  ".join(lines))


def _binder(op):
    """A plain function with the op's signature that returns its arguments as a tuple: the fastest way to bind them."""
    parameters = op.signature.parameters.values()
    header = ", ".join(p.name if p.default is p.empty else f"{p.name}=_default_{p.name}" for p in parameters)
    scope = {f"_default_{p.name}": p.default for p in parameters}
    exec(f"def {op.name}({header}):\n    return ({', '.join(op.parameters)},)", scope)
    return scope[op.name]


def flat_tensors(args, positions, host_positions=()):
    """The tensors among the arguments, flat, those of host parameters last."""
    found = []
    for i in positions:
        value = args[i]
        if isinstance(value, tuple):
            found.extend(t for t in value if t is not None)
        elif value is not None:
            found.append(value)
    found.extend(args[i] for i in host_positions if isinstance(args[i], Tensor))
    return tuple(found)


def under_control(args, inputs):
    """Inside K.control_dependencies a variable that is updated there is read with its new value."""
    new = {u.variable: u for u in building.control}
    args = [replaced(a, Tensor, lambda t: new.get(t, t)) for a in args]
    return args, tuple(new.get(t, t) for t in inputs), building.control


def replaced(arg, kind, function):
    """An argument with the function of it, or of those in its tuple, in place of what is of a kind."""
    if isinstance(arg, tuple):
        return tuple(replaced(a, kind, function) for a in arg)
    return function(arg) if isinstance(arg, kind) else arg


def op(function=None, gradient=(), **options):
    """Declares an op (see the module's docstring). Returns the public function, with the Op under `.op`.

    gradient: its rules, where they are short. spec: the shape rule, if it is not the body.
    elementwise: its tensors are brought to one dtype and broadcast, and cotangents are summed back.
    promote: names of the tensors that are brought to one dtype. random: it draws; it is never merged or folded.
    host: (*values) -> array: it depends on shapes only, and is evaluated when a program is specialised.
    composite: the body returns tensors: what the op means.
    fold: whether applications to constants are computed when a program is specialised.
    prepare: a function with the public signature that returns the arguments of the declared one, where the two differ.
    """
    if function is None:
        return functools.partial(op, gradient=gradient, **options)
    declared = Op(function, **options)
    if gradient:
        declared.gradient(*gradient)

    @functools.wraps(function)
    def public(*args, **kwargs):
        return declared.apply(declared.bind(*args, **kwargs))

    if prepare := options.get("prepare"):
        public.__signature__ = inspect.signature(prepare)
    public.op = declared
    for name in ("gradient", "joint_gradient", "rewrite", "resolve", "meaning"):
        setattr(public, name, getattr(declared, name))
    return public


def elementwise(spec, *gradient, **options):
    """Declares an op that acts on each element by itself. spec: its shape rule; gradient: a rule for each tensor."""
    return op(gradient=gradient, spec=spec, elementwise=True, **options)


def without(first, stop):
    """A `prune` that clears the op's last argument, a flag, when the outputs from `first` up to `stop` go unread."""

    def prune(step, used):
        if step.args[-1] and used.isdisjoint(step.outputs[first:stop]):
            step.args = (*step.args[:-1], False)
            step.outputs = (*step.outputs[:first], *step.outputs[stop:])

    return prune


# ---- shape rules that many ops share ---------------------------------------------------------------------------------


def broadcast(*shapes):
    """The shape that the shapes broadcast to. Raises ValueError where they do not."""
    ndim, result = max(map(len, shapes)), []
    for i in range(-ndim, 0):
        sizes = [shape[i] for shape in shapes if -i <= len(shape)]
        size, *others = dict.fromkeys(n for n in sizes if n not in (1, None)) or (None if None in sizes else 1,)
        if others:
            raise ValueError(f"the shapes do not broadcast: {others[0]} against {size} on axis {i}.")
        result.append(size)
    return tuple(result)


def reduced(x, axis, keepdims, dtype=None):
    """The Spec of a reduction of x over the canonical `axis`."""
    shape = tuple(1 if i in axis else n for i, n in enumerate(x.shape) if keepdims or i not in axis)
    return Spec(shape, dtype or x.dtype)
