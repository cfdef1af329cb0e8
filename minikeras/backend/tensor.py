"""The nodes of the graph: tensors without numbers, and the few kinds of leaves that have some.

A `Tensor` is the result of an op application (`Apply`) or a leaf: `Placeholder` (fed at run time), `Variable` (owns a
value), `Constant`, `Counter` (how often a random op has drawn). An `Update` is a tensor whose evaluation also stores
its value in a variable. Nothing here computes.
"""

import itertools
import threading

import numpy as np

from . import config

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = ("bool", *INTEGERS, "float16", "bfloat16", "float32", "float64")


def dtype_name(dtype):
    """Canonical name of a dtype given as a string, a NumPy dtype or a scalar type; None stands for floatx."""
    if dtype is None:
        return config.floatx()
    if type(dtype) is not str:
        dtype = getattr(dtype, "name", None) or np.dtype(dtype).name
    if dtype not in DTYPES:
        # TF spells reference types 'float32_ref'; NumPy has aliases such as 'f4' and 'int'.
        dtype = np.dtype(dtype.removesuffix("_ref")).name
        if dtype not in DTYPES:
            raise TypeError(f"dtype {dtype!r} is not supported; expected one of {DTYPES}.")
    return dtype


def is_float(dtype):
    """Whether the dtype name is one of real numbers."""
    return "float" in dtype


class Scope:
    """A named part of the graph, usually a layer: gives names to variables and a place to error messages."""

    __slots__ = ("name", "owner", "parent", "path")

    def __init__(self, name, owner, parent):
        self.name, self.owner, self.parent = name, owner, parent
        self.path = (parent.path if parent else "") + name + "/"

    def __str__(self):
        return f'layer "{self.name}" ({self.owner})' if self.owner else f'scope "{self.path[:-1]}"'


class _Building(threading.local):
    """What holds for the ops that this thread is adding to its graph."""

    scope = None
    control = ()


building = _Building()
serials = itertools.count()


class name_scope:  # noqa: N801 (the name that Keras gave it)
    """Context manager: names made inside are prefixed with `name/`, and errors inside name the place.

    name: str. default_name, values: accepted as in TensorFlow; default_name serves when name is None.
    owner: class name of the layer that opens the scope, if it is one.
    """

    def __init__(self, name, default_name=None, values=None, owner=None):
        self.name, self.owner = name or default_name or "scope", owner

    def __enter__(self):
        self.outer = building.scope
        building.scope = Scope(self.name, self.owner, self.outer)
        return building.scope.path

    def __exit__(self, *error):
        building.scope = self.outer


def scoped_name(name):
    """The name with the prefix of the scope that is open."""
    return (building.scope.path if building.scope else "") + name


class Apply:
    """One application of an op.

    args: canonical arguments in the order of the op's signature, tensors in their places.
    inputs: the tensors among them, flat. outputs: its tensors (hidden ones may be appended for a gradient).
    expansion: for a composite, what it means: tensors of other ops, one for each output. scope: where it was made.
    control: updates that have to run when it runs. serial: counts applications in the order in which they were made.
    """

    __slots__ = ("op", "args", "inputs", "outputs", "expansion", "scope", "control", "serial")

    def __init__(self, op, args, inputs, expansion=None, control=()):
        self.op, self.args, self.inputs, self.expansion = op, args, inputs, expansion
        self.outputs, self.scope, self.control, self.serial = (), building.scope, control, next(serials)


class Shape(tuple):
    """A shape that can be asked for its list, as those of TensorFlow."""

    __slots__ = ()

    def as_list(self):
        return list(self)


class Shaped:
    """What the tensors of a graph have in common, sparse ones too: a static shape, a dtype and a name."""

    sparse = False
    _keras_shape = None
    _uses_learning_phase = False

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    def get_shape(self):
        """The static shape, as a tuple that has an `as_list`, too."""
        return Shape(self.shape)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name} {show(self)}>"


class Tensor(Shaped):
    """A value in the graph: static shape (None: unknown until run), dtype, name, and the application that makes it.

    Arithmetic, comparison (not ==), indexing and `@` build graph. A tensor that depends on no placeholder can be looked
    at: `K.eval(t)`, `np.asarray(t)`, `float(t)`.
    """

    __array_priority__ = 1000  # NumPy arrays on the left leave the operator to us

    def __init__(self, shape, dtype, name=None, owner=None, index=0):
        self.shape, self.dtype, self.owner, self.index = shape, dtype, owner, index
        self._name = name

    @property
    def name(self):
        """Scope path and op name, e.g. 'dense_1/dot:0'."""
        if self._name is None:
            made = self.owner
            path = made.scope.path if made and made.scope else ""
            self._name = f"{path}{made.op.name if made else type(self).__name__.lower()}:{self.index}"
        return self._name

    @name.setter
    def name(self, name):
        self._name = name

    def __bool__(self):
        raise TypeError(f"The truth value of {self!r} is not known while the graph is built. Use K.switch or "
                        "K.in_train_phase to choose at run time, `is None` to ask whether there is a tensor, K.eval to "
                        "look at a value.")

    def __iter__(self):
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"{self!r} cannot be iterated: the size of the first axis is not known. Use K.map_fn.")
        return (self[i] for i in range(self.shape[0]))

    __hash__ = object.__hash__


class Placeholder(Tensor):
    """A leaf that is fed at run time. default: the value of an unfed one, if that is allowed."""

    def __init__(self, shape, dtype, name=None, default=None):
        super().__init__(shape, dtype, name)
        self.default = default


class Constant(Tensor):
    """A leaf with a fixed value: a NumPy array, or a function that makes it when it is first needed."""

    def __init__(self, value=None, name=None, make=None, shape=None, dtype=None):
        self._value, self._make = value, make
        super().__init__(value.shape if make is None else shape, value.dtype.name if make is None else dtype, name)

    @property
    def value(self):
        if self._value is None:
            made = np.asarray(self._make(), dtype=self.dtype)
            if made.shape != self.shape:
                raise ValueError(f"K.host: the function gave shape {made.shape}, declared was {self.shape}.")
            self._value, self._make = made, None
        return self._value


class Counter(Tensor):
    """How often a random op has drawn: with its seed all of its state. A host int, kept out of the graph's data."""

    def __init__(self):
        super().__init__((), "int32", "counter:0")
        self.value = 0


class Update(Tensor):
    """The new value of a variable: evaluating it, or giving it to K.function as an update, stores it.

    delta: for increments, what is added; several increments of one variable in one run add up.
    """

    def __init__(self, variable, new_value, delta=None):
        super().__init__(variable.shape, variable.dtype, variable.name.split(":")[0] + "/update:0")
        self.variable, self.new_value, self.delta = variable, new_value, delta
        self._uses_learning_phase = new_value._uses_learning_phase
        self.control = building.control

    # TF code asks an assignment for its `op` in order to use it as a control input.
    @property
    def op(self):
        return self


def is_sparse(tensor):
    """Whether the tensor is a sparse one."""
    return getattr(tensor, "is_sparse_tensor", False)


def compatible(shape, other, but_for=None):
    """Whether two static shapes can be those of one tensor: they agree where both are known (but for one axis)."""
    pairs = enumerate(zip(shape, other, strict=False))
    return len(shape) == len(other) and all(a == b or None in (a, b) or i == but_for for i, (a, b) in pairs)


def in_order(roots, needs, skip=()):
    """What the roots lead to, each once, and what it needs before it; a walk without recursion.

    needs: (node) -> the nodes that it needs, the first to come first. skip: nodes that are passed over.
    """
    order, seen = [], set(skip)
    stack = [(node, False) for node in reversed(roots)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((n, False) for n in reversed(needs(node)) if n not in seen)
    return order


def show(value):
    """'[32, None, 10] float32', for error messages."""
    shape = ", ".join("None" if size is None else str(size) for size in value.shape)
    return f"[{shape}] {value.dtype}"
