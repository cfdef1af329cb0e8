"""minikeras: multi-backend Keras, small enough to be read. A model is a graph; NumPy, JAX or PyTorch runs it.

    from minikeras.models import Sequential
    from minikeras.layers import Dense

The backend is the one that the environment variable MINIKERAS_BACKEND names, else the config file, else numpy;
`minikeras.backend.set_backend` changes it in a live process.
"""

from importlib import import_module as _import_module
from sys import modules as _modules

__version__ = "0.1.0"

_MODULES = frozenset({
    "activations", "applications", "backend", "callbacks", "constraints", "datasets", "engine", "initializers",
    "layers", "legacy", "losses", "metrics", "models", "objectives", "optimizers", "preprocessing", "regularizers",
    "utils", "wrappers",
})  # fmt: skip
_NAMES = {"Input": "layers", "Model": "models", "Sequential": "models", "as_keras": "scripts"}

__all__ = sorted([*_MODULES, *_NAMES, "__version__"])


def _on_demand(package, modules, names):
    """`__getattr__` and `__dir__` of a package whose modules are imported when they are first looked at (PEP 562).

    modules: their names. names: {what else the package has: the module that it comes from}. A script pays for what it
    uses.
    """

    def __getattr__(name):
        if name in modules:
            return _import_module(f"{package}.{name}")
        if name in names:
            return getattr(_import_module(f"{package}.{names[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*vars(_modules[package]), *modules, *names})

    return __getattr__, __dir__


__getattr__, __dir__ = _on_demand(__name__, _MODULES, _NAMES)
