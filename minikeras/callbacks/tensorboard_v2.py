"""The same callback under its other module path."""
from .tensorboard_v1 import TensorBoard

__all__ = ["TensorBoard"]
