"""What a layer tells about its uses: the tensors, shapes and masks of its calls."""

from ..utils.generic_utils import unpack_singleton
from .config import who


def alias(name):
    """A property that reads and sets another attribute."""
    return property(lambda self: getattr(self, name), lambda self, value: setattr(self, name, value), doc=f"`{name}`.")


class Uses:
    """Part of Layer: questions to `_inbound_nodes`, the list of a Node for each call.

    `input`, `output`, `input_mask`, `output_mask`: tensor(s) of a layer that was called once. `input_shape`,
    `output_shape`: where all calls had the same. `get_input_at(node_index)` and so on: those of one call.
    """

    inbound_nodes = alias("_inbound_nodes")
    outbound_nodes = alias("_outbound_nodes")  # older scripts empty it behind the last layer that they keep

    def _get_node_attribute_at_index(self, node_index, attr, attr_name):
        """An attribute of a node, without the list around a single item."""
        if not self._inbound_nodes:
            raise RuntimeError(self._never_called(attr_name))
        if not -len(self._inbound_nodes) <= node_index < len(self._inbound_nodes):
            raise ValueError(f"{who(self)} has been called {len(self._inbound_nodes)} times; there is no "
                             f"{attr_name} at node {node_index}.")  # fmt: skip
        return unpack_singleton(getattr(self._inbound_nodes[node_index], attr))

    def _never_called(self, what):
        return f"{who(self)} has never been called, so it has no {what}. Call it on a tensor first."

    def _of_single_call(self, attr, what):
        if not self._inbound_nodes:
            raise AttributeError(self._never_called(what))
        if len(self._inbound_nodes) > 1:
            raise AttributeError(f"{who(self)} has been called {len(self._inbound_nodes)} times, so its {what} "
                                 f"is not defined. Use get_{what.replace(' ', '_')}_at(node_index).")  # fmt: skip
        return self._get_node_attribute_at_index(0, attr, what)

    def _of_equal_calls(self, attr, what):
        same = len({str(getattr(node, attr)) for node in self._inbound_nodes}) == 1
        return self._get_node_attribute_at_index(0, attr, what) if same else self._of_single_call(attr, what)


def _add_questions(what, attr):
    """Give Uses the property `what` and the method get_<what>_at."""
    words, read = what.replace("_", " "), Uses._of_equal_calls if what.endswith("shape") else Uses._of_single_call

    def get_at(self, node_index):
        return self._get_node_attribute_at_index(node_index, attr, words)

    get_at.__name__ = f"get_{what}_at"
    get_at.__doc__ = f"The {words}(s) of the call number `node_index`."
    setattr(Uses, get_at.__name__, get_at)
    single = property(lambda self: getattr(self, read.__name__)(attr, words), doc=f"The {words}(s) of the call.")
    setattr(Uses, what, single)


for _side in ("input", "output"):
    _add_questions(_side, _side + "_tensors")
    _add_questions(_side + "_mask", _side + "_masks")
    _add_questions(_side + "_shape", _side + "_shapes")
