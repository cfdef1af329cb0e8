import inspect
import warnings

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import constraints, layers, regularizers
from minikeras.layers import Dense, Input
from minikeras.legacy import interfaces
from minikeras.legacy.interfaces import modern_config
from minikeras.models import Model, Sequential
from minikeras.optimizers import SGD

# A call of Keras 1 and the same of Keras 2: (class, (args, kwargs), (args, kwargs)).
CALLS = [
    ("Dense", ((), {"output_dim": 4, "init": "he_normal", "W_regularizer": "l2", "b_regularizer": "l1", "bias": False,
                    "W_constraint": "nonneg", "b_constraint": "unit_norm"}),
     ((4,), {"kernel_initializer": "he_normal", "kernel_regularizer": "l2", "bias_regularizer": "l1", "use_bias": False,
             "kernel_constraint": "nonneg", "bias_constraint": "unit_norm"})),
    ("Dropout", ((), {"p": 0.3}), ((0.3,), {})),
    ("GaussianDropout", ((), {"p": 0.3}), ((0.3,), {})),
    ("GaussianNoise", ((), {"sigma": 0.3}), ((0.3,), {})),
    ("SpatialDropout1D", ((), {"p": 0.3}), ((0.3,), {})),
    ("SpatialDropout2D", ((), {"p": 0.3, "dim_ordering": "th"}), ((0.3,), {"data_format": "channels_first"})),
    ("SpatialDropout3D", ((), {"p": 0.3, "dim_ordering": "tf"}), ((0.3,), {"data_format": "channels_last"})),
    ("PReLU", ((), {"init": "ones"}), ((), {"alpha_initializer": "ones"})),
    ("Embedding", ((5, 3), {"init": "ones", "W_regularizer": "l1", "W_constraint": "nonneg"}),
     ((5, 3), {"embeddings_initializer": "ones", "embeddings_regularizer": "l1", "embeddings_constraint": "nonneg"})),
    ("BatchNormalization", ((), {"beta_init": "ones", "gamma_init": "zeros", "mode": 0}),
     ((), {"beta_initializer": "ones", "gamma_initializer": "zeros"})),
    ("Convolution1D", ((), {"nb_filter": 4, "filter_length": 3, "subsample_length": 2, "border_mode": "same",
                            "input_dim": 7}),
     ((4, 3), {"strides": 2, "padding": "same", "input_shape": (None, 7)})),
    ("LocallyConnected1D", ((), {"nb_filter": 4, "filter_length": 3, "subsample_length": 2}), ((4, 3, 2), {})),
    ("Convolution2D", ((4, 3, 5), {"subsample": (2, 2), "border_mode": "same", "dim_ordering": "th"}),
     ((4, (3, 5)), {"strides": (2, 2), "padding": "same", "data_format": "channels_first"})),
    ("Conv2D", ((4, 3), {"nb_col": 5}), ((4, (3, 5)), {})),
    ("Conv2D", ((4,), {"nb_row": 3, "nb_col": 5}), ((4, (3, 5)), {})),
    ("Conv2D", ((), {"nb_filter": 4, "nb_row": 3, "nb_col": 5, "dim_ordering": "default"}), ((4, (3, 5)), {})),
    ("LocallyConnected2D", ((4, 3, 5), {}), ((4, (3, 5)), {})),
    ("Convolution3D", ((4, 3, 5, 2), {"subsample": (1, 1, 2)}), ((4, (3, 5, 2)), {"strides": (1, 1, 2)})),
    ("Conv3D", ((4,), {"kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3}), ((4, (1, 2, 3)), {})),
    ("SeparableConvolution2D", ((4, 3, 5), {"init": "ones", "border_mode": "same"}),
     ((4, (3, 5)), {"depthwise_initializer": "ones", "pointwise_initializer": "ones", "padding": "same"})),
    ("Deconvolution2D", ((4, 3, 5), {"subsample": (2, 2)}), ((4, (3, 5)), {"strides": (2, 2)})),
    ("ConvLSTM2D", ((), {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "inner_init": "ones", "forget_bias_init": "zero"}),
     ((4, (3, 3)), {"recurrent_initializer": "ones", "unit_forget_bias": False})),
    ("LSTM", ((), {"output_dim": 4, "inner_init": "ones", "inner_activation": "sigmoid", "dropout_W": 0.1,
                   "dropout_U": 0.2, "forget_bias_init": "one", "consume_less": "mem", "U_regularizer": "l2"}),
     ((4,), {"recurrent_initializer": "ones", "recurrent_activation": "sigmoid", "dropout": 0.1, "implementation": 1,
             "recurrent_dropout": 0.2, "unit_forget_bias": True, "recurrent_regularizer": "l2"})),
    ("GRU", ((4,), {"consume_less": "gpu"}), ((4,), {"implementation": 2})),
    ("SimpleRNN", ((), {"output_dim": 4, "init": "ones"}), ((4,), {"kernel_initializer": "ones"})),
    ("MaxPooling1D", ((), {"pool_length": 3, "stride": 2, "border_mode": "same"}), ((3, 2, "same"), {})),
    ("AveragePooling2D", (((3, 3),), {"border_mode": "same", "dim_ordering": "th"}),
     (((3, 3),), {"padding": "same", "data_format": "channels_first"})),
    ("MaxPooling3D", ((), {"dim_ordering": "th"}), ((), {"data_format": "channels_first"})),
    ("GlobalMaxPooling2D", ((), {"dim_ordering": "th"}), ((), {"data_format": "channels_first"})),
    ("GlobalAveragePooling3D", ((), {"dim_ordering": "th"}), ((), {"data_format": "channels_first"})),
    ("UpSampling1D", ((), {"length": 3}), ((3,), {})),
    ("UpSampling2D", ((), {"dim_ordering": "th"}), ((), {"data_format": "channels_first"})),
    ("ZeroPadding2D", (({"top_pad": 1, "right_pad": 2},), {}), ((((1, 0), (0, 2)),), {})),
    ("Cropping2D", (((1, 1),), {"dim_ordering": "th"}), (((1, 1),), {"data_format": "channels_first"})),
    ("Cropping3D", ((), {"dim_ordering": "th"}), ((), {"data_format": "channels_first"})),
]  # fmt: skip


def ids(case):
    return case[0] if isinstance(case[0], str) else None


@pytest.mark.parametrize("case", CALLS, ids=ids)
def test_a_layer_takes_the_names_of_keras_1_with_a_warning_that_says_the_new_ones(case):
    name, (args, kwargs), (new_args, new_kwargs) = case
    cls = getattr(layers, name)
    with pytest.warns(UserWarning, match=f"Update your `{cls.__name__}` call to the Keras 2 API: `{cls.__name__}"
                      ) if set(kwargs) != {"mode"} else warnings.catch_warnings():  # fmt: skip
        old = cls(*args, name="layer", **kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert old.get_config() == cls(*new_args, name="layer", **new_kwargs).get_config()


@pytest.mark.parametrize("case", [c for c in CALLS if not c[1][0]], ids=ids)
def test_configs_of_keras_1_become_those_of_keras_2_without_a_warning(case):
    name, (_, kwargs), (new_args, new_kwargs) = case
    before = dict(kwargs)
    new_name, config = modern_config(name, kwargs)
    cls = getattr(layers, new_name)
    assert kwargs == before
    assert cls(name="layer", **config).get_config() == cls(*new_args, name="layer", **new_kwargs).get_config()


def test_the_warning_points_at_the_call():
    with pytest.warns(UserWarning, match="Dense") as record:
        Dense(output_dim=2)
    assert record[0].filename == __file__


def test_a_config_of_keras_1_in_full():
    class_name, config = modern_config("Convolution2D", {
        "name": "c", "trainable": True, "batch_input_shape": [None, 3, 8, 8], "input_dtype": "float32", "nb_filter": 4,
        "nb_row": 3, "nb_col": 2, "init": "glorot_uniform", "activation": "relu", "border_mode": "valid", "bias": True,
        "subsample": [1, 1], "dim_ordering": "th", "b_regularizer": None, "activity_regularizer": None,
        "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5}, "b_constraint": None,
        "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}})  # fmt: skip
    layer = getattr(layers, class_name).from_config(config)
    assert layer.kernel_size == (3, 2) and layer.data_format == "channels_first"
    assert isinstance(layer.kernel_regularizer, regularizers.L1L2) and layer.kernel_regularizer.l2 == 0.5
    assert isinstance(layer.kernel_constraint, constraints.MaxNorm) and layer.kernel_constraint.max_value == 2
    _, dense = modern_config("Dense", {"output_dim": 3, "input_dim": None, "bias": True})
    assert dense == {"units": 3, "use_bias": True}
    _, lstm = modern_config("LSTM", {"output_dim": 3, "input_dim": 4, "input_length": None, "consume_less": "cpu",
                                     "batch_input_shape": [None, 5, 4]})  # fmt: skip
    assert lstm == {"units": 3, "implementation": 1, "batch_input_shape": [None, 5, 4]}


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ({"mode": "sum"}, "Add", {}),
        ({"mode": "concat", "concat_axis": 2, "dot_axes": -1}, "Concatenate", {"axis": 2}),
        ({"mode": "cos", "dot_axes": [[1], [2]]}, "Dot", {"axes": [1, 2], "normalize": True}),
        ({"mode": "dot", "dot_axes": 1}, "Dot", {"axes": 1, "normalize": False}),
    ],
)
def test_merge_layers_of_keras_1_are_those_of_their_mode(old, name, new):
    assert modern_config("Merge", {"name": "m", "mode_type": "raw", **old}) == (name, {"name": "m", **new})


def test_merge_by_a_function_is_refused():
    with pytest.raises(ValueError, match="Lambda"):
        modern_config("Merge", {"name": "m", "mode_type": "lambda", "mode": "..."})


def test_what_keras_2_writes_is_left_alone():
    for layer in (Dense(3, input_dim=2), layers.Embedding(4, 3, input_length=5), layers.LSTM(2), layers.Dot(1)):
        config = layer.get_config()
        assert modern_config(type(layer).__name__, config) == (type(layer).__name__, config)


def test_both_names_at_once_are_an_error():
    with pytest.raises(TypeError, match="`units` is given twice"):
        Dense(units=3, output_dim=4)


def test_sides_of_a_kernel_leave_no_room_for_further_positions():
    with pytest.raises(TypeError, match="by name"):
        layers.Conv2D(4, 3, 3, "relu")
    assert layers.Conv2D(4, (3, 3), (2, 2), "same").padding == "same"


def test_what_keras_2_gave_up_is_said():
    with pytest.raises(TypeError, match="mode"):
        layers.BatchNormalization(mode=2)
    with pytest.warns(UserWarning, match="SpatialDropout1D"):
        layers.Embedding(4, 3, dropout=0.2)
    with pytest.warns(UserWarning, match="inferred"):
        layers.Deconvolution2D(4, (3, 3), output_shape=(None, 8, 8, 4))
    with pytest.warns(UserWarning, match="input_shape"):
        assert layers.LSTM(3, input_dim=4, input_length=5).batch_input_shape == (None, 5, 4)


def test_subclasses_hand_old_names_on():
    class Mine(Dense):
        def __init__(self, init, **kwargs):
            self.mine = init
            super().__init__(**kwargs)

    with pytest.warns(UserWarning, match="Mine"):
        layer = Mine("x", output_dim=3)
    assert layer.units == 3 and layer.mine == "x"


def test_signatures_are_those_of_keras_2():
    assert "output_dim" not in inspect.signature(Dense).parameters
    assert next(iter(inspect.signature(layers.Conv2D).parameters)) == "filters"


def test_models_and_training_take_old_names():
    with pytest.warns(UserWarning, match=r"Input\("):
        x = Input((3,), input_dtype="float32")
    with pytest.warns(UserWarning, match=r"Model\("):
        model = Model(input=x, output=Dense(1)(x))
    model.compile("sgd", "mse")
    rows, targets = np.ones((8, 3)), np.ones((8, 1))

    def batches():
        while True:
            yield rows[:4], targets[:4]

    with pytest.warns(UserWarning, match="`fit\\(.*epochs=2"):
        assert len(model.fit(rows, targets, nb_epoch=2, verbose=0).epoch) == 2
    with pytest.warns(UserWarning, match="fit_generator.*max_queue_size=3"), pytest.warns(match="counts batches"):
        history = model.fit_generator(batches(), samples_per_epoch=2, nb_epoch=3, verbose=0, nb_worker=1, max_q_size=3,
                                      pickle_safe=False, validation_data=batches(), nb_val_samples=1)  # fmt: skip
    assert len(history.epoch) == 3
    with pytest.warns(UserWarning, match="`steps`"), pytest.warns(match="steps=2"):
        model.evaluate_generator(batches(), val_samples=2)
    with pytest.warns(UserWarning, match="`steps`"), pytest.warns(match="max_queue_size=2"):
        assert model.predict_generator(batches(), val_samples=2, max_q_size=2).shape == (8, 1)


def test_optimizers_take_the_old_order_of_arguments():
    w = K.variable([1.0, 2.0])
    loss = K.sum(K.square(w))
    for call in (lambda o: o.get_updates([w], {}, loss), lambda o: o.get_updates([w], constraints={}, loss=loss)):
        with pytest.warns(UserWarning, match="get_updates"):
            updates = call(SGD(lr=0.1))
        assert len(updates) == len(SGD(lr=0.1).get_updates(loss, [w]))


def test_the_decorators_of_keras_2_do_for_classes_of_others():
    class Custom(layers.Layer):
        @interfaces.legacy_conv2d_support
        def __init__(self, filters, kernel_size, **kwargs):
            self.given = filters, kernel_size
            super().__init__(**kwargs)

    with pytest.warns(UserWarning, match="`Custom"):
        assert Custom(3, 2, 2).given == (3, (2, 2))

    @interfaces.generate_legacy_interface(["x"], [("a", "b")], value_conversions={"a": {1: "one"}},
                                          object_type="function")  # fmt: skip
    def function(x, b=None):
        return x, b

    with pytest.warns(UserWarning, match='function\\(0, b="one"\\)'):
        assert function(0, a=1) == (0, "one")
    with pytest.raises(TypeError, match="positional"):
        function(0, 1)


def test_every_class_of_the_table_is_a_layer():
    assert all(hasattr(layers, name) for name in interfaces.ROW_OF_CLASS)
    assert Sequential([Dense(2, input_dim=3)]).input_shape == (None, 3)
