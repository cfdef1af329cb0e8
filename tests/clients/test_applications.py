"""keras-applications: every architecture builds and predicts, and its files of weights load."""

import functools
import http.server
import json
import os
import threading

import numpy as np
import pytest

from minikeras import applications, models, utils
from minikeras import backend as K

pytestmark = pytest.mark.clients
pytest.importorskip("keras_applications")

# Parameters with a head of 1000 classes, from keras.io/applications, where it gives them exactly or to 0.1 million.
PARAMETERS = {
    "DenseNet121": 8_062_504, "DenseNet169": 14_307_880, "DenseNet201": 20_242_984, "InceptionResNetV2": 55_873_736,
    "InceptionV3": 23_851_784, "MobileNet": 4_253_864, "MobileNetV2": 3_538_984, "NASNetLarge": 88_949_818,
    "NASNetMobile": 5_326_716, "ResNet50": 25_636_712, "ResNet101": 44_707_176, "ResNet152": 60_419_944,
    "ResNet50V2": 25_613_800, "ResNet101V2": 44_675_560, "ResNet152V2": 60_380_648, "ResNeXt50": 25_097_128,
    "ResNeXt101": 44_315_560, "VGG16": 138_357_544, "VGG19": 143_667_240, "Xception": 22_910_480,
}  # fmt: skip
SMALLEST = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}
LONG = bool(os.environ.get("MINIKERAS_LONG"))


def test_the_table_has_every_architecture():
    assert set(PARAMETERS) == set(applications._HOME_OF)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_architecture_builds_and_predicts(name):
    # The head of the two VGG nets is 120 million random numbers at full size.
    vgg = name.startswith("VGG")
    size = SMALLEST.get(name, 32 if vgg else 64)
    model = getattr(applications, name)(weights=None, input_shape=(size, size, 3))
    smaller = 4096 * 512 * (7 * 7 - 1) if vgg else 0
    assert model.count_params() == PARAMETERS[name] - smaller
    predicted = model.predict(np.random.rand(1, size, size, 3))
    assert predicted.shape == (1, 1000)
    assert predicted.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.skipif(not LONG, reason="compiles for minutes: nox -s clients")
@pytest.mark.parametrize("name", PARAMETERS)
def test_every_architecture_predicts_the_same_on_each_backend(name):
    size = SMALLEST.get(name, 64)
    model = getattr(applications, name)(weights=None, input_shape=(size, size, 3), include_top=False, pooling="avg")
    images = np.random.rand(1, size, size, 3)
    expected = model.predict(images)
    for backend in ("jax", "torch"):
        K.set_backend(backend)
        np.testing.assert_allclose(model.predict(images), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


small = functools.partial(applications.MobileNet, input_shape=(32, 32, 3), alpha=0.25)


def test_weights_load_from_a_path_and_by_name(tmp_path):
    model = small(weights=None, classes=4)
    model.save_weights(str(tmp_path / "weights.h5"))
    again = small(weights=str(tmp_path / "weights.h5"), classes=4)
    images = np.random.rand(2, 32, 32, 3)
    np.testing.assert_array_equal(again.predict(images), model.predict(images))
    headless = small(weights=None, include_top=False)
    headless.load_weights(str(tmp_path / "weights.h5"), by_name=True)
    inner = models.Model(model.inputs, model.get_layer("conv_pw_13_relu").output)
    np.testing.assert_allclose(headless.predict(images), inner.predict(images), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "file", "md5"),
    [("vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
     ("resnet50", "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "a268eb855778b3df3c7506639542a6af"),
     ("inception_v3", "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5", "bcbd6486424b2319ff4ef7d526e38f63")],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The output shape of `ResNet50")
def test_imagenet_weights_are_asked_for_with_their_hash(monkeypatch, name, file, md5):
    asked = {}

    def get_file(fname, origin, **kwargs):
        asked.update(kwargs, origin=origin)
        raise OSError("no net")

    monkeypatch.setattr(utils, "get_file", get_file)
    with pytest.raises(OSError, match="no net"):
        getattr(getattr(applications, name), applications._ARCHITECTURES[name])(include_top=False)
    assert asked["origin"].startswith("https://github.com/fchollet/deep-learning-models/releases/download/")
    assert asked["origin"].endswith(file) and asked["cache_subdir"] == "models"
    assert md5 in (asked.get("file_hash"), asked.get("md5_hash"))


def test_imagenet_weights_come_over_the_net(monkeypatch, tmp_path):
    from keras_applications import mobilenet

    expected = small(weights=None, include_top=False, input_shape=(224, 224, 3))
    expected.save_weights(str(tmp_path / "mobilenet_2_5_224_tf_no_top.h5"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
        model = small(include_top=False, input_shape=(224, 224, 3))
        server.shutdown()
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_predictions_are_decoded(monkeypatch, tmp_path):
    (tmp_path / "index.json").write_text(json.dumps({str(i): [f"n{i}", f"class {i}"] for i in range(1000)}))
    monkeypatch.setattr(utils, "get_file", lambda *args, **kwargs: str(tmp_path / "index.json"))
    scores = np.zeros((1, 1000))
    scores[0, [7, 3]] = 0.75, 0.25
    decoded = applications.imagenet_utils.decode_predictions(scores, top=2)
    assert [(name, float(score)) for _, name, score in decoded[0]] == [("class 7", 0.75), ("class 3", 0.25)]


def test_images_are_prepared_as_arrays_and_as_tensors(backend):
    images = np.random.rand(2, 3, 3, 3).astype("float32") * 255
    for module in ("vgg16", "xception"):
        prepare = getattr(applications, module).preprocess_input
        x = K.placeholder(images.shape)
        np.testing.assert_allclose(K.function([x], [prepare(x)])([images])[0], prepare(images.copy()), rtol=1e-4,
                                   atol=1e-4)  # fmt: skip
