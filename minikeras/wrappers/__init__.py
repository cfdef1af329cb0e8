"""Models in the interfaces of other libraries."""

from .. import _on_demand

__getattr__, __dir__ = _on_demand(__name__, ("scikit_learn",), {})
