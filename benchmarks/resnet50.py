"""ResNet-50 (He et al., 2015) written as for Keras 2: how long does it take to build, and to be ready to train?

    python -m benchmarks.resnet50
"""

import time

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # filters of the bottleneck, blocks


def resnet50(keras, shape=(224, 224, 3), classes=1000):
    """The model, not compiled. `keras`: the module to take it from."""
    L = keras.layers

    def conv_norm(x, filters, size, strides=1, padding="same"):
        return L.BatchNormalization()(L.Conv2D(filters, size, strides=strides, padding=padding)(x))

    def block(x, filters, strides, project):
        y = L.Activation("relu")(conv_norm(x, filters, 1, strides))
        y = L.Activation("relu")(conv_norm(y, filters, 3))
        y = conv_norm(y, 4 * filters, 1)
        return L.Activation("relu")(L.add([y, conv_norm(x, 4 * filters, 1, strides) if project else x]))

    inputs = L.Input(shape)
    x = L.ZeroPadding2D(3)(inputs)
    x = L.Activation("relu")(conv_norm(x, 64, 7, 2, "valid"))
    x = L.MaxPooling2D(3, strides=2)(L.ZeroPadding2D(1)(x))
    for stage, (filters, blocks) in enumerate(STAGES):
        for i in range(blocks):
            x = block(x, filters, 2 if stage and not i else 1, project=not i)
    x = L.GlobalAveragePooling2D()(x)
    return keras.models.Model(inputs, L.Dense(classes, activation="softmax")(x))


def measure(keras, now=time.perf_counter, batch=8):
    """{"layers", "build_s": its graph, "link_s": from compile to a linked train function, and of that "graph_s":
    gradients and updates}. What the engine compiles at the first call (JAX) is not in it."""
    from minikeras import backend as K
    from minikeras.backend import runtime

    start = now()
    model = resnet50(keras)
    built = now()
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    model._make_train_function()
    graph = now()
    function = model.train_function.function(2)
    runtime.active().link(function.program((batch, 224, 224, 3), (batch, 1000), phase=1))
    ready = now()
    return {"layers": len(model.layers), "build_s": built - start, "graph_s": graph - built, "link_s": ready - built,
            "backend": K.backend()}  # fmt: skip


if __name__ == "__main__":
    import minikeras
    import minikeras.layers
    import minikeras.models

    print(measure(minikeras))
