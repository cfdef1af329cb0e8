"""Which backend runs the graph now, and how to get at a backend's kernels.

A backend is a package that offers
    NAME                    its name
    link(program)           -> callable(arrays) -> arrays; runs the program on the variables
    to_native(array)        NumPy array -> its own array, on its device (a copy)
    to_numpy(value)         its own array -> NumPy array
    from_feed(value, dtype) -> its own array, whatever the user fed (no copy where none is needed)
    assign(native, array)   stores a NumPy array in place of a native one; returns the native one to keep
and one module a family of ops with the kernels. It may name another backend as its BASE, whose kernels serve where it
has none of its own. Others than the three of this package are found through the entry-point group `minikeras.backends`.
"""

import importlib

from . import config

BUILTIN = ("numpy", "jax", "torch")
PACKAGES = {"jax": "jax", "torch": "torch"}  # the extra to install


class Active:
    """The backend of the process. epoch: counts the changes, so that linked programs know when to look again."""

    backend = None
    epoch = 0


_loaded = {}


def load(name):
    """The backend package of that name. Raises ValueError for an unknown one, ImportError for a missing engine."""
    if name not in _loaded:
        _loaded[name] = _import(name)
    return _loaded[name]


def _import(name):
    if name in BUILTIN:
        try:
            return importlib.import_module(f"{__package__}.{name}")
        except ImportError as error:
            if name not in PACKAGES or (error.name or "").split(".")[0] == "minikeras":
                raise
            raise ImportError(f'The backend "{name}" needs the package {PACKAGES[name]!r}, which is not installed '
                              f"({error}). Run: pip install minikeras-multibackend[{PACKAGES[name]}]") from error
    from importlib import metadata  # takes a while, and few processes need it

    entries = metadata.entry_points(group="minikeras.backends")
    for entry in entries:
        if entry.name == name:
            return entry.load()
    names = ", ".join([*BUILTIN, *(entry.name for entry in entries)])
    raise ValueError(f"There is no backend {name!r}; there are {names}. Choose one with MINIKERAS_BACKEND or "
                     "K.set_backend.")


def active():
    """The active backend package."""
    if Active.backend is None:
        Active.backend = load(config.start_backend())
    return Active.backend


def backend():
    """Name of the active backend: 'numpy', 'jax', 'torch' or that of a third party."""
    return active().NAME


def set_backend(name):
    """Runs everything on the backend of that name from now on. Variables move at the next call that needs them.

    name: 'numpy', 'jax', 'torch' or the name of an installed third-party backend.
    Raises ValueError for an unknown name, ImportError (with what to install) if the engine is missing.
    """
    chosen = load(name)
    if chosen is not Active.backend:
        Active.backend = chosen
        Active.epoch += 1


def family(backend, name):
    """The module with a backend's kernels of a family, or None."""
    try:
        return importlib.import_module(f"{backend.__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{backend.__name__}.{name}":
            raise
        return None


def kernel(backend, op):
    """The kernel of an op on a backend, or None. It stands under the op's name in the module of the op's family.

    What stands for an op in a program that a linker changed brings its own, as the attribute `kernel`.
    """
    if hasattr(op, "kernel"):
        return op.kernel
    key = op.family, op.name
    cache = backend.__dict__.setdefault("_kernels", {})
    if key not in cache:
        found = getattr(family(backend, op.family), op.name, None)
        base = getattr(backend, "BASE", None)
        cache[key] = kernel(load(base), op) if found is None and base else found
    return cache[key]


def missing_kernel(backend, op):
    """The error for an op without a kernel."""
    return NotImplementedError(f'backend "{backend.NAME}" has no kernel for K.{op.name}. Use another backend '
                               f"(K.set_backend), or add {op.name}({', '.join(op.parameters)}) to "
                               f"{backend.__name__.replace('.', '/')}/{op.family}.py.")
