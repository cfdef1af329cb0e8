"""What a layer tells about its uses: the tensors, shapes and masks of its calls."""

from ..utils.generic_utils import unpack_singleton


class Uses:
    """Part of Layer: questions to `_inbound_nodes`, the list of a Node for each call."""

    def _get_node_attribute_at_index(self, node_index, attr, attr_name):
        """An attribute of a node, without the list around a single item."""
        if not self._inbound_nodes:
            raise RuntimeError(f"Layer {self.name!r} ({type(self).__name__}) has never been called, so it has no "
                               f"{attr_name}. Call it on a tensor first.")  # fmt: skip
        if not -len(self._inbound_nodes) <= node_index < len(self._inbound_nodes):
            raise ValueError(f"Layer {self.name!r} ({type(self).__name__}) has been called {len(self._inbound_nodes)} "
                             f"times; there is no {attr_name} at node {node_index}.")  # fmt: skip
        return unpack_singleton(getattr(self._inbound_nodes[node_index], attr))

    def get_input_shape_at(self, node_index):
        """Shape of the input(s) of the call number `node_index`."""
        return self._get_node_attribute_at_index(node_index, "input_shapes", "input shape")

    def get_output_shape_at(self, node_index):
        """Shape of the output(s) of the call number `node_index`."""
        return self._get_node_attribute_at_index(node_index, "output_shapes", "output shape")

    def get_input_at(self, node_index):
        """Input tensor(s) of the call number `node_index`."""
        return self._get_node_attribute_at_index(node_index, "input_tensors", "input")

    def get_output_at(self, node_index):
        """Output tensor(s) of the call number `node_index`."""
        return self._get_node_attribute_at_index(node_index, "output_tensors", "output")

    def get_input_mask_at(self, node_index):
        """Mask(s) of the input(s) of the call number `node_index`."""
        return self._get_node_attribute_at_index(node_index, "input_masks", "input mask")

    def get_output_mask_at(self, node_index):
        """Mask(s) of the output(s) of the call number `node_index`."""
        return self._get_node_attribute_at_index(node_index, "output_masks", "output mask")

    def _of_single_call(self, attr, what):
        if len(self._inbound_nodes) > 1:
            raise AttributeError(
                f"Layer {self.name!r} ({type(self).__name__}) has been called {len(self._inbound_nodes)} times, so its "
                f"{what} is not defined. Use get_{what.replace(' ', '_')}_at(node_index)."
            )
        if not self._inbound_nodes:
            raise AttributeError(f"Layer {self.name!r} ({type(self).__name__}) has never been called, so it has no "
                                 f"{what}. Call it on a tensor first.")  # fmt: skip
        return self._get_node_attribute_at_index(0, attr, what)

    @property
    def input(self):
        """The input tensor(s), of a layer that was called once."""
        return self._of_single_call("input_tensors", "input")

    @property
    def output(self):
        """The output tensor(s), of a layer that was called once."""
        return self._of_single_call("output_tensors", "output")

    @property
    def input_mask(self):
        """The mask(s) of the input(s), of a layer that was called once."""
        return self._of_single_call("input_masks", "input mask")

    @property
    def output_mask(self):
        """The mask(s) of the output(s), of a layer that was called once."""
        return self._of_single_call("output_masks", "output mask")

    @property
    def input_shape(self):
        """The shape(s) of the input(s), where all calls had the same."""
        return self._of_equal_calls("input_shapes", "input shape")

    @property
    def output_shape(self):
        """The shape(s) of the output(s), where all calls gave the same."""
        return self._of_equal_calls("output_shapes", "output shape")

    def _of_equal_calls(self, attr, what):
        if len({str(getattr(node, attr)) for node in self._inbound_nodes}) > 1:
            return self._of_single_call(attr, what)
        if not self._inbound_nodes:
            raise AttributeError(f"Layer {self.name!r} ({type(self).__name__}) has never been called, so its {what} is "
                                 "not known. Call it on a tensor first.")  # fmt: skip
        return self._get_node_attribute_at_index(0, attr, what)

    @property
    def inbound_nodes(self):
        """The nodes of the calls of this layer, in order."""
        return self._inbound_nodes

    @inbound_nodes.setter
    def inbound_nodes(self, nodes):
        self._inbound_nodes = nodes

    @property
    def outbound_nodes(self):
        """The nodes of the calls of other layers on outputs of this one."""
        return self._outbound_nodes

    @outbound_nodes.setter
    def outbound_nodes(self, nodes):  # older scripts empty it behind the last layer that they keep
        self._outbound_nodes = nodes
