"""minikeras: multi-backend Keras, small enough to be read. A model is a graph; NumPy, JAX or PyTorch runs it.

    from minikeras.models import Sequential
    from minikeras.layers import Dense

The backend is the one that the environment variable MINIKERAS_BACKEND names, else the config file, else numpy;
`minikeras.backend.set_backend` changes it in a live process.
"""

from importlib import import_module as _import_module

__version__ = "0.1.0"

_MODULES = frozenset({
    "activations", "applications", "backend", "callbacks", "constraints", "datasets", "engine", "initializers",
    "layers", "legacy", "losses", "metrics", "models", "objectives", "optimizers", "preprocessing", "regularizers",
    "utils", "wrappers",
})  # fmt: skip
_NAMES = {"Input": "layers", "Model": "models", "Sequential": "models", "as_keras": "scripts"}

__all__ = sorted([*_MODULES, *_NAMES, "__version__"])


def __getattr__(name):
    """Import a module of the package when it is first looked at (PEP 562): a script pays for what it uses."""
    if name in _MODULES:
        return _import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(_import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
