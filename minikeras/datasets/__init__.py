"""Data sets: `digits` is part of the package, the others are downloaded once and kept (see `utils.get_file`)."""

from importlib import import_module as _import_module

__all__ = ["boston_housing", "cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist", "reuters"]


def __getattr__(name):
    if name in (*__all__, "cifar"):
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
