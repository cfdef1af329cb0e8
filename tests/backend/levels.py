"""Programs as rewritten and as written."""

import contextlib

from minikeras.backend import config


@contextlib.contextmanager
def optimized(level):
    """What is called inside runs at that level of `config.optimize`."""
    before = config.optimize()
    config.optimize(level)
    try:
        yield
    finally:
        config.optimize(before)
