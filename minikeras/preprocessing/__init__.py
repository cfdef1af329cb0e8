"""From pictures, sequences and texts to arrays: `image`, `sequence` and `text`."""

from importlib import import_module as _import_module

__all__ = ["image", "sequence", "text"]


def __getattr__(name):
    if name in __all__:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
