"""Settings: `optimize`, and those that K has too.

    from minikeras import config
    config.optimize(0)     # run programs as they were written: for debugging, and to compare
"""

from .backend.config import (
    epsilon,
    floatx,
    image_data_format,
    optimize,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "epsilon", "floatx", "image_data_format", "optimize", "set_epsilon", "set_floatx", "set_image_data_format",
]  # fmt: skip
