"""The workloads as Keras models. `keras` is the module to take them from: minikeras, or Keras 3 as a peer."""

from .workloads import (
    BLOCKS,
    BN_EPSILON,
    BN_MOMENTUM,
    DROPOUT,
    FEATURES,
    HEADS,
    INNER,
    LN_EPSILON,
    OPTIMIZERS,
    STAGES,
)

LOSSES = {1: "binary_crossentropy"}


def build(keras, workload, check=False):
    """The compiled model, with the workload's initial weights. check: without dropout."""
    rates = (0.0, 0.0) if check else DROPOUT.get(workload.name, ())
    model = MODELS[workload.name](keras, workload.shape, rates)
    for name, arrays in workload.weights().items():
        model.get_layer(name).set_weights(arrays)
    optimizer = OPTIMIZER_CLASSES[workload.optimizer]
    options = list(OPTIMIZERS[workload.optimizer].values())  # positional: their names changed between versions
    model.compile(
        getattr(keras.optimizers, optimizer)(*options[:2]),
        LOSSES.get(workload.classes, "sparse_categorical_crossentropy"),
    )
    return model


OPTIMIZER_CLASSES = {"adam": "Adam", "rmsprop": "RMSprop", "adadelta": "Adadelta"}


def sequential(keras, shape, dtype, *stack):
    return keras.models.Sequential([keras.layers.InputLayer(shape, dtype=dtype), *stack])


def mlp_small(keras, shape, rates):
    L = keras.layers
    return sequential(
        keras, shape, "float32",
        L.Dense(128, activation="relu", name="hidden"),
        L.Dense(10, activation="softmax", name="out"),
    )  # fmt: skip


def mlp(keras, shape, rates):
    L = keras.layers
    return sequential(
        keras, shape, "float32",
        L.Dense(512, activation="relu", name="hidden1"), L.Dropout(rates[0]),
        L.Dense(512, activation="relu", name="hidden2"), L.Dropout(rates[1]),
        L.Dense(10, activation="softmax", name="out"),
    )  # fmt: skip


def cnn(keras, shape, rates):
    L = keras.layers
    return sequential(
        keras, shape, "float32",
        L.Conv2D(32, 3, activation="relu", name="conv1"),
        L.Conv2D(64, 3, activation="relu", name="conv2"),
        L.MaxPooling2D(), L.Dropout(rates[0]), L.Flatten(),
        L.Dense(128, activation="relu", name="hidden"), L.Dropout(rates[1]),
        L.Dense(10, activation="softmax", name="out"),
    )  # fmt: skip


def lstm(keras, shape, rates):
    L = keras.layers
    return sequential(
        keras, shape, "int32",
        L.Embedding(20000, 128, name="embedding"), L.LSTM(128, name="lstm"),
        L.Dense(1, activation="sigmoid", name="out"),
    )  # fmt: skip


def resnet20(keras, shape, rates):
    L = keras.layers

    def conv_norm(name, x, filters, strides=1):
        x = L.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False, name=f"conv{name}")(x)
        return L.BatchNormalization(momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=f"bn{name}")(x)

    inputs = L.Input(shape)
    h = L.Activation("relu")(conv_norm("0", inputs, 16))
    for stage, block in STAGES:
        tag, strides, filters = f"{stage}{block}", 2 if stage and not block else 1, 16 << stage
        r = L.Activation("relu")(conv_norm(f"{tag}a", h, filters, strides))
        r = conv_norm(f"{tag}b", r, filters)
        if strides == 2:
            h = L.Conv2D(filters, 1, strides=2, padding="same", use_bias=False, name=f"conv{tag}s")(h)
        h = L.Activation("relu")(L.add([r, h]))
    h = L.GlobalAveragePooling2D()(h)
    return keras.models.Model(inputs, L.Dense(10, activation="softmax", name="out")(h))


def conv1d(keras, shape, rates):
    L = keras.layers
    return sequential(
        keras, shape, "int32",
        L.Embedding(5000, 50, name="embedding"), L.Conv1D(250, 3, activation="relu", name="conv"),
        L.GlobalMaxPooling1D(), L.Dense(250, activation="relu", name="hidden"),
        L.Dense(1, activation="sigmoid", name="out"),
    )  # fmt: skip


def transformer(keras, shape, rates):
    L = keras.layers
    h = inputs = L.Input(shape)
    for b in BLOCKS:
        a = L.MultiHeadAttention(HEADS, FEATURES // HEADS, name=f"attention{b}")(h, h)
        h = L.LayerNormalization(epsilon=LN_EPSILON, name=f"norm{b}a")(L.add([h, a]))
        f = L.Dense(FEATURES, name=f"outer{b}")(L.Dense(INNER, activation="relu", name=f"inner{b}")(h))
        h = L.LayerNormalization(epsilon=LN_EPSILON, name=f"norm{b}b")(L.add([h, f]))
    h = L.GlobalAveragePooling1D()(h)
    return keras.models.Model(inputs, L.Dense(10, activation="softmax", name="out")(h))


MODELS = {f.__name__: f for f in (mlp_small, mlp, cnn, lstm, resnet20, conv1d, transformer)}
