"""Helpers around models: data, files, summaries, plots. Names are imported when they are first asked for."""

from .. import _on_demand

_HOMES = {
    "np_utils": ["to_categorical", "normalize"],
    "generic_utils": ["CustomObjectScope", "custom_object_scope", "get_custom_objects", "serialize_keras_object",
                      "deserialize_keras_object"],
    "progbar": ["Progbar"],
    "data_utils": ["Sequence", "GeneratorEnqueuer", "OrderedEnqueuer", "get_file"],
    "io_utils": ["HDF5Matrix", "H5Dict"],
    "files": ["DamagedFileError"],
    "layer_utils": ["convert_all_kernels_in_model", "get_source_inputs", "print_summary"],
    "vis_utils": ["model_to_dot", "plot_model"],
    "multi_gpu_utils": ["multi_gpu_model"],
    "conv_utils": [], "losses_utils": [], "metrics_utils": [], "test_utils": [],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)

__getattr__, __dir__ = _on_demand(__name__, _HOMES, _HOME_OF)
