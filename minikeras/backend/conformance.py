"""What a backend has to bring: the list of primitives, and what is missing from one.

    python -m minikeras.backend.conformance torch
"""

import sys

from . import runtime
from .op import OPS


def primitives():
    """The ops that every backend needs a kernel for."""
    return [op for op in OPS.values() if op.host is None and not op.dissolves and not op.composite]


def composites():
    """The ops that a backend may carry a kernel for; where it does not, they dissolve into others."""
    return [op for op in OPS.values() if op.composite]


def missing(name):
    """Names of the primitives without a kernel on the backend `name`."""
    package = runtime.load(name)
    return [f"{op.family}.{op.name}" for op in primitives() if runtime.kernel(package, op) is None]


def main(names):
    """Prints what is missing on each backend. Returns the exit status: 0 if nothing is."""
    status = 0
    for name in names or runtime.BUILTIN:
        lost = missing(name)
        print(f"{name}: {len(primitives()) - len(lost)} of {len(primitives())} primitives", *lost, sep="\n  ")
        status |= bool(lost)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
