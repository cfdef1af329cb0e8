"""What happens at the events of training: logging, checkpoints, early stopping, schedules."""
from .callbacks import *  # noqa: F403
from .callbacks import __all__ as _all
from .tensorboard_v1 import TensorBoard

__all__ = [*_all, "TensorBoard"]
__all__.remove("Progbar")
