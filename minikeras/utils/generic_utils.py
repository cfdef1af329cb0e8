"""Names to objects and back (configs, custom objects), and small helpers on lists, shapes and signatures."""

import base64
import contextlib
import inspect
import marshal
import types

import numpy as np

from .progbar import Progbar  # noqa: F401  (Keras has it here)

_CUSTOM_OBJECTS = {}
_STORED_CODE_ALLOWED = False


# Custom objects


class CustomObjectScope:
    """Names that mean the given classes and functions inside a `with` block, when configs and files are read.

        with CustomObjectScope({"my_loss": my_loss}):
            model = load_model("model.h5")

    `*args`: dicts of name -> class or function; a later one wins. At the end the names mean what they meant before.
    """

    def __init__(self, *args):
        self.custom_objects = args
        self.backup = None

    def __enter__(self):
        self.backup = _CUSTOM_OBJECTS.copy()
        for objects in self.custom_objects:
            _CUSTOM_OBJECTS.update(objects or {})
        return self

    def __exit__(self, *exc_info):
        _CUSTOM_OBJECTS.clear()
        _CUSTOM_OBJECTS.update(self.backup)


def custom_object_scope(*args):
    """`CustomObjectScope(*args)`."""
    return CustomObjectScope(*args)


def get_custom_objects():
    """The dict of the names that are known everywhere; write into it to make a name known for good."""
    return _CUSTOM_OBJECTS


# Objects to configs and back


def serialize_keras_object(instance):
    """What a config holds for an object: {"class_name", "config"}, or the name of a function; None for None."""
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": type(instance).__name__, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return instance.__name__
    raise ValueError(f"Cannot serialize {instance!r}: it has neither get_config() nor a __name__. Give it a get_config "
                     "method that returns its constructor's arguments.")  # fmt: skip


def deserialize_keras_object(identifier, module_objects=None, custom_objects=None, printable_module_name="object"):
    """The object that a config or a name stands for.

    identifier: {"class_name": name, "config": arguments}, a name, or a function, which is returned as it is. A class
    that is given by its name alone is made without arguments; a function is returned.
    module_objects, custom_objects: dicts of name -> class or function; custom ones, those of `CustomObjectScope`
    included, come first. printable_module_name: what to call the kind of object in errors.
    Raises ValueError for unknown names and malformed configs.
    """
    known = {**(module_objects or {}), **_CUSTOM_OBJECTS, **(custom_objects or {})}
    if isinstance(identifier, dict):
        if "class_name" not in identifier or "config" not in identifier:
            raise ValueError(f"A config of {_a(printable_module_name)} is a dict with the keys class_name and config; "
                             f"got {identifier!r}.")  # fmt: skip
        maker = _named(identifier["class_name"], known, printable_module_name)
        try:
            return _made(maker, identifier["config"], custom_objects or {})
        except TypeError as error:
            raise TypeError(_about(identifier, error)) from error
    if isinstance(identifier, str):
        found = _named(identifier, known, printable_module_name)
        return found() if inspect.isclass(found) else found
    if inspect.isroutine(identifier):
        return identifier
    raise ValueError(f"Cannot read {identifier!r} as {_a(printable_module_name)}: give a name, a config or a function.")


def _a(kind):
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _named(name, known, kind):
    if name not in known:
        import difflib  # a process that needs it is about to end

        # Of a function and the class of the same name, the one is meant that is written like the name given.
        alike = sorted(known, key=lambda key: key[:1].isupper() == str(name)[:1].isupper())
        plain = {key.lower().replace("_", ""): key for key in alike}
        close = difflib.get_close_matches(str(name).lower().replace("_", ""), plain, n=1)
        hint = f"Did you mean {plain[close[0]]!r}?" if close else "Is it custom? Then pass it in custom_objects."
        if name == "<lambda>":
            hint = ("A lambda has no name to be found by. Pass custom_objects={'<lambda>': the_function}; if there are "
                    "several, give them names with def before the model is saved.")  # fmt: skip
        raise ValueError(f"Unknown {kind}: {name!r}. {hint}")
    return known[name]


def _about(identifier, error):
    """The message of an error, with the object's class and name in front, unless it is about one inside of it."""
    config = identifier["config"]
    name = f" {config['name']!r}" if isinstance(config, dict) and "name" in config else ""
    return str(error) if str(error).startswith("In ") else f"In the config of {identifier['class_name']}{name}: {error}"


def _made(maker, config, custom_objects):
    from_config = getattr(maker, "from_config", None)
    if from_config is not None and has_arg(from_config, "custom_objects"):
        return from_config(config, custom_objects={**_CUSTOM_OBJECTS, **custom_objects})
    if from_config is None and not config and inspect.isfunction(maker) and _needs_arguments(maker):
        return maker  # a function in the place of an object, by its name
    with CustomObjectScope(custom_objects):
        return from_config(config) if from_config is not None else maker(**config)


def _needs_arguments(function):
    parameters = inspect.signature(function).parameters.values()
    return any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)


def get_object(identifier, deserialize, kind):
    """What the `get` of a module of classes does: None stays None; a name, a config or a class becomes an object;
    any other callable is the object."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"Cannot read {identifier!r} as {_a(kind)}: give a name, a config, a callable or None.")


class Configured:
    """Base of objects that keep each argument of their constructors in the attribute of that name."""

    def get_config(self):
        """The constructor's arguments: {name: value}."""
        arguments = list(inspect.signature(type(self).__init__).parameters.values())[1:]
        return {a.name: getattr(self, a.name) for a in arguments if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)}

    @classmethod
    def from_config(cls, config):
        """The object of a config."""
        return cls(**config)


def class_of_function(name, base, function, parameters, module, doc):
    """A subclass of `base` whose constructor takes `parameters` (name -> default, in order) and hands them and
    `function` to that of `base`: the class form of a loss or a metric function."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = (inspect.Parameter(key, kind, default=default) for key, default in parameters.items())
    signature = inspect.Signature([inspect.Parameter("self", kind), *given])

    def __init__(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        base.__init__(bound.arguments.pop("self"), function, **bound.arguments)

    __init__.__signature__ = signature
    return type(name, (base,), {"__init__": __init__, "__doc__": doc, "__module__": module, "_function": function})


def is_named_object(value, base):
    """Whether a config may name it: a subclass of `base`, or a function of y_true and y_pred."""
    if inspect.isclass(value):
        return issubclass(value, base)
    return inspect.isfunction(value) and list(inspect.signature(value).parameters)[:2] == ["y_true", "y_pred"]


# Functions as stored code


@contextlib.contextmanager
def allow_stored_code():
    """Inside this `with` block `func_load` runs: use it for files whose maker you trust."""
    global _STORED_CODE_ALLOWED
    before, _STORED_CODE_ALLOWED = _STORED_CODE_ALLOWED, True
    try:
        yield
    finally:
        _STORED_CODE_ALLOWED = before


def func_dump(func):
    """(code, defaults, closure) of a Python function: its marshalled bytecode in base64, the tuple of its defaults or
    None, the values of its closure or None. The bytecode is good for this version of Python only."""
    code = base64.b64encode(marshal.dumps(func.__code__)).decode("ascii")
    closure = tuple(cell.cell_contents for cell in func.__closure__) if func.__closure__ else None
    return code, func.__defaults__, closure


def func_load(code, defaults=None, closure=None, globs=None):
    """The function that `func_dump` dumped.

    code: what `func_dump` returned, whole or its first item. globs: the globals of the function (default: those of
    this module). Raises ValueError outside of `allow_stored_code()`: bytecode from a file can do anything.
    """
    if not _STORED_CODE_ALLOWED:
        raise ValueError("This config holds a Python function as bytecode, which is not run unless you ask for it, as "
                         "it can do anything. Pass the function by name in custom_objects, or, if you trust where the "
                         "config is from, read it inside `with minikeras.utils.generic_utils.allow_stored_code():`."
                         )  # fmt: skip
    if isinstance(code, (tuple, list)):
        code, defaults, closure = code
    try:
        code = marshal.loads(base64.b64decode(code))
    except (EOFError, TypeError, ValueError) as error:
        raise ValueError("The stored bytecode cannot be read: was it written by another version of Python? Pass the "
                         "function by name in custom_objects.") from error  # fmt: skip
    cells = None if closure is None else tuple(types.CellType(value) for value in closure)
    defaults = tuple(defaults) if isinstance(defaults, list) else defaults
    return types.FunctionType(code, globals() if globs is None else globs, code.co_name, defaults, cells)


# Arguments


def one_of(name, value, allowed):
    """`value`, the argument `name`, if it is among the allowed ones. Raises ValueError otherwise."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}.")
    return value


def getargspec(fn):
    """`inspect.getfullargspec(fn)`."""
    return inspect.getfullargspec(fn)


def has_arg(fn, name, accept_all=False):
    """Whether `fn` can be called with the keyword `name`; with `accept_all`, its **kwargs count as any name."""
    parameters = inspect.signature(fn).parameters
    if name in parameters:
        found = parameters[name]
        return found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY)
    return accept_all and any(p.kind is p.VAR_KEYWORD for p in parameters.values())


# Lists and shapes


def to_list(x, allow_tuple=False):
    """x if it is a list (or, with `allow_tuple`, the list of a tuple), else [x]."""
    if isinstance(x, list):
        return x
    return list(x) if allow_tuple and isinstance(x, tuple) else [x]


def unpack_singleton(x):
    """The item of a sequence of length one, else x itself."""
    return x[0] if len(x) == 1 else x


def is_all_none(iterable_or_element):
    """Whether the element, or each item of the list or tuple, is None."""
    return all(item is None for item in to_list(iterable_or_element, allow_tuple=True))


def object_list_uid(object_list):
    """A string that is the same for the same objects in the same order, as long as they live."""
    return ", ".join(str(abs(id(item))) for item in to_list(object_list))


def slice_arrays(arrays, start=None, stop=None):
    """arrays[start:stop] of one array or of each in a list (None stays None).

    `start` may also be a list or array of indices. Without `start` and `stop` items that are no arrays become None.
    """
    if arrays is None:
        return [None]
    if isinstance(start, list) and stop is not None:
        raise ValueError(f"slice_arrays: with a list of indices as start, stop has to be None; got {stop!r}.")
    if isinstance(arrays, list):
        return [_sliced(a, start, stop) for a in arrays]
    return _sliced(arrays, start, stop)


def _sliced(a, start, stop):
    if a is None:
        return None
    if isinstance(start, (list, np.ndarray)):
        return a[list(start)]  # h5py takes lists of indices, not arrays
    return a[start:stop] if hasattr(a, "__getitem__") else None


def transpose_shape(shape, target_format, spatial_axes):
    """`shape`, of data with the channels last, as it is in `target_format`; a list or tuple, as it came.

    spatial_axes: the axes of `shape` between batch and channels. Raises ValueError for an unknown format.
    """
    if target_format == "channels_last":
        return shape
    if target_format != "channels_first":
        raise ValueError(f"The data format is 'channels_first' or 'channels_last'; got {target_format!r}.")
    axes = [*range(spatial_axes[0]), len(shape) - 1, *spatial_axes]
    return type(shape)(shape[axis] for axis in axes)


def check_for_unexpected_keys(name, input_dict, expected_values):
    """Raise ValueError if the dict has a key that is not among the expected ones; `name` says whose dict it is."""
    unknown = sorted(set(input_dict) - set(expected_values))
    if unknown:
        raise ValueError(f"{name} has the unknown keys {unknown}; expected are {list(expected_values)}.")
