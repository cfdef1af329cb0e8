"""The page on all functions of K that are made of ops, written from their declarations.

    python -m minikeras.backend.describe > docs/ops.md
"""

import inspect
import sys

from .. import backend as K
from . import runtime

HEAD = """# The ops of K

Written by `python -m minikeras.backend.describe > docs/ops.md`; a test compares the two.

An *op* is declared once, in `minikeras/backend/ops/`, with its shape rule and its gradient. A *function* calls ops and
needs no kernel. Kernels stand under the op's name in the file of its family, in the folder of each backend.

- Kernels: the backends that carry one. *composite*: declared by other ops, it dissolves into them where there is no
  kernel. *dissolves*: always becomes other ops, once shapes are known. *host*: known once shapes are, it never runs.
- Gradient: *rule*: declared with the op, made of ops, so that it differentiates again. *through its parts*: that of the
  ops of which it is composed.
- Ops with an underscore are parts of functions.
"""


def signature(function):
    """Parameters with their defaults, without annotations."""
    parameters = inspect.signature(function).parameters.values()
    return str(inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters]))


def summary(function):
    """The first sentence of the docstring, or its first line where that ends sooner, for a cell of a table."""
    first = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    return first.split(". ")[0].rstrip(".").replace("|", "\\|")


def kernels(op):
    """Where an op runs: the backends with a kernel of their own, and what it is elsewhere."""
    if op.host is not None:
        return "host"
    if op.dissolves:
        return "dissolves"
    own = [name for name in runtime.BUILTIN if runtime.kernel(runtime.load(name), op) is not None]
    if op.composite:
        return f"composite; {', '.join(own)}" if own else "composite"
    return "all" if len(own) == len(runtime.BUILTIN) else ", ".join(own) or "none"


def gradient(op):
    """How a cotangent comes back through an op."""
    if op.rules is not None:
        return "rule"
    return "through its parts" if op.composite else "none"


def op_rows(family):
    """A row for each op of a family."""
    public = {f.op.name: f for f in vars(K).values() if hasattr(f, "op") and inspect.isfunction(f)}
    for op in K.OPS.values():
        if op.family == family:
            name = f"`{op.name}{signature(public.get(op.name, op.function))}`"
            yield name, summary(op.function), kernels(op), gradient(op)


def function_rows(family):
    """A row for each function of a family that is no op itself."""
    module = f"{__package__}.ops.{family}"
    for name, function in vars(K).items():
        if inspect.isfunction(function) and function.__module__ == module and not hasattr(function, "op"):
            yield f"`{name}{signature(function)}`", summary(function)


def table(titles, rows):
    """A Markdown table, or nothing without rows."""
    rows = list(rows)
    lines = [titles, ["---"] * len(titles), *rows] if rows else []
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page():
    """The whole page."""
    parts = [HEAD]
    for family in K.FAMILIES:
        parts.append(f"## {family}\n")
        ops = table(["op", "what it is", "kernels", "gradient"], op_rows(family))
        functions = table(["function", "what it is"], function_rows(family))
        parts += [part + "\n" for part in (ops, functions) if part]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
