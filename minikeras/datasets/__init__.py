"""Data sets: `digits` is part of the package, the others are downloaded once and kept (see `utils.get_file`)."""

from .. import _on_demand

__all__ = ["boston_housing", "cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist", "reuters"]

__getattr__, __dir__ = _on_demand(__name__, (*__all__, "cifar"), {})
