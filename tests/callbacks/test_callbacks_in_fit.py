"""Callbacks in fit: with real models, on every backend."""
import numpy as np
import pytest

from minikeras import backend as K
from minikeras.callbacks import (
    Callback,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TerminateOnNaN,
)
from minikeras.layers import Dense
from minikeras.models import Sequential, load_model
from minikeras.optimizers import SGD


@pytest.fixture
def model():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def data(n=20):
    x = np.random.normal(size=(n, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def test_history_and_progress_bar_show_loss_metrics_and_validation(backend, model, capsys):
    x, y = data()
    history = model.fit(x, y, validation_split=0.25, epochs=2, batch_size=4).history
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"}
    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown
    assert "15/15 [==============================]" in shown
    assert f"val_loss: {history['val_loss'][-1]:.4f}" in shown
    assert f"loss: {history['loss'][0]:.4f}" in shown


def test_batch_logs_hold_numbers(backend, model):
    seen = []

    class Seen(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, logs["size"], float(logs["loss"]), float(logs["mae"])))

    model.fit(*data(), batch_size=8, verbose=0, callbacks=[Seen()])
    assert [s[:2] for s in seen] == [(0, 8), (1, 8), (2, 4)]
    assert model.history.history["loss"][0] == pytest.approx(sum(s[1] * s[2] for s in seen) / 20, rel=1e-5)


def test_a_schedule_sets_the_learning_rate_of_each_epoch(backend, model):
    slower = LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    history = model.fit(*data(), epochs=3, verbose=0, callbacks=[slower])
    np.testing.assert_allclose(history.history["lr"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    model.fit(*data(), epochs=2, verbose=0, callbacks=[LearningRateScheduler(lambda epoch, lr: lr / 2)])
    assert K.get_value(model.optimizer.lr) == pytest.approx(0.1 / 12)
    with pytest.raises(ValueError, match="must return a float"):
        model.fit(*data(), verbose=0, callbacks=[LearningRateScheduler(lambda epoch: "fast")])


def test_an_error_inside_a_schedule_is_not_hidden(model):
    def schedule(epoch, lr):
        raise TypeError("my own")

    with pytest.raises(TypeError, match="my own"):
        model.fit(*data(), verbose=0, callbacks=[LearningRateScheduler(schedule)])


def test_the_learning_rate_is_reduced_on_a_plateau_and_waits_for_the_cooldown(backend, model):
    plateau = ReduceLROnPlateau("loss", factor=0.1, patience=2, min_delta=1e9, cooldown=1, min_lr=2e-4)
    history = model.fit(*data(), epochs=8, verbose=0, callbacks=[plateau])
    # An epoch's entry is the rate with which it was trained.
    np.testing.assert_allclose(history.history["lr"], [1e-2] * 3 + [1e-3] * 2 + [2e-4] * 3, rtol=1e-5)


def test_checkpoints_load(backend, model, tmp_path):
    pytest.importorskip("h5py")
    path = str(tmp_path / "best-{epoch}.h5")
    model.fit(*data(), epochs=2, verbose=0, callbacks=[ModelCheckpoint(path, "loss", save_best_only=True),
                                                       ModelCheckpoint(str(tmp_path / "w.h5"), save_weights_only=True)])
    x, _ = data()
    np.testing.assert_allclose(load_model(path.format(epoch=2)).predict(x), model.predict(x), rtol=1e-6)
    expected = model.get_weights()
    model.set_weights([0 * w for w in expected])
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.get_weights()[0], expected[0])


def test_stopping_early_stops_and_restores_the_best_weights(backend, model):
    class Worse(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = float(epoch)
            self.first = self.model.get_weights() if epoch == 0 else self.first

    worse = Worse()
    history = model.fit(*data(), epochs=10, verbose=0,
                        callbacks=[worse, EarlyStopping(patience=2, restore_best_weights=True)])
    assert history.epoch == [0, 1, 2]
    np.testing.assert_array_equal(model.get_weights()[0], worse.first[0])


def test_training_stops_at_the_first_batch_whose_loss_is_no_number(backend, model):
    x, y = data()
    x[4] = np.nan
    seen = []

    class Count(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(batch)

    model.fit(x, y, batch_size=2, shuffle=False, epochs=3, verbose=0, callbacks=[TerminateOnNaN(), Count()])
    assert seen == [0, 1, 2]


def averaged_model():
    model = Sequential([Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))])
    model.compile(SGD(1.0, use_ema=True, ema_momentum=0.5), lambda target, output: -output)  # the weight grows by 1
    return model


ONES = np.ones((3, 1), "float32")


def test_averages_are_the_weights_in_validation_and_prediction_and_in_the_end(backend):
    model, seen = averaged_model(), []

    class Look(Callback):
        def _look(self, *args):
            seen.append(float(model.get_weights()[0][0, 0]))

        on_epoch_begin = on_test_batch_begin = on_epoch_end = _look

    swap = SwapEMAWeights()
    history = model.fit(ONES, ONES, 1, 2, 0, [swap, Look()], validation_data=(ONES, ONES)).history
    # weights 1, 2, ..., 6; averages 1, 1.5, 2.25, 3.125, 4.0625, 5.03125
    assert seen == [0, *[2.25] * 3, 3, 3, *[5.03125] * 3, 6]
    assert history["val_loss"] == [-2.25, -5.03125]
    assert model.get_weights()[0] == 5.03125
    assert model.predict(ONES[:1], callbacks=[swap]) == 5.03125
    model.optimizer.swap_averages(model.trainable_weights)
    model.fit(ONES, ONES, 1, 1, 0, [swap])
    assert model.predict(ONES[:1]) == pytest.approx(np.mean([np.mean([np.mean([5.03125, 6.03125]), 7.03125]), 8.03125]))


def test_callbacks_after_it_see_the_averages_at_the_ends_of_epochs(tmp_path):
    pytest.importorskip("h5py")
    model = averaged_model()
    saved = ModelCheckpoint(str(tmp_path / "{epoch}.h5"), save_weights_only=True)
    model.fit(ONES, ONES, 1, 2, 0, [SwapEMAWeights(swap_on_epoch=True), saved])
    assert model.get_weights()[0] == 5.03125
    for epoch, expected in ((1, 2.25), (2, 5.03125)):
        model.load_weights(tmp_path / f"{epoch}.h5")
        assert model.get_weights()[0] == expected


def test_best_weights_stay_where_averages_are_kept():
    model = averaged_model()
    stopping = EarlyStopping("loss", mode="max", restore_best_weights=True, baseline=-1.5)
    model.fit(ONES, ONES, 1, 5, 0, [stopping])  # the losses are -1 and -4
    assert model.get_weights()[0] == 3


def test_an_optimizer_without_averages_is_refused(model):
    with pytest.raises(ValueError, match="use_ema=True"):
        model.fit(*data(), verbose=0, callbacks=[SwapEMAWeights()])


def test_hooks_come_in_this_order_with_these_logs(model):
    x, y = data(6)
    seen = []

    def hook(name):
        return lambda self, *args: seen.append((name, *(sorted(a) if isinstance(a, dict) else a for a in args)))

    names = [f"on_{mode}_{when}" for mode in ("train", "test", "predict") for when in ("begin", "end")]
    names += [f"on_{mode}_batch_{when}" for mode in ("train", "test", "predict") for when in ("begin", "end")]
    watch = type("Watch", (Callback,), {n: hook(n) for n in [*names, "on_epoch_begin", "on_epoch_end"]})()
    size, values = ["batch", "size"], ["batch", "loss", "mae", "size"]

    def batches(mode, n, last):
        return [event for i in range(n) for event in
                ((f"on_{mode}_batch_begin", i, size), (f"on_{mode}_batch_end", i, last))]  # fmt: skip

    model.fit(x, y, 2, epochs=1, verbose=0, validation_data=(x, y), callbacks=[watch])
    assert watch.params == {"batch_size": 2, "epochs": 1, "steps": 3, "samples": 6, "verbose": 0,
                            "do_validation": True, "metrics": ["loss", "mae", "val_loss", "val_mae"]}  # fmt: skip
    assert [a.shape for a in watch.validation_data] == [(6, 3), (6, 1)]
    assert seen == [
        ("on_train_begin", []), ("on_epoch_begin", 0, []), *batches("train", 3, values),
        ("on_test_begin", []), *batches("test", 3, values), ("on_test_end", []),
        ("on_epoch_end", 0, ["loss", "mae", "val_loss", "val_mae"]), ("on_train_end", []),
    ]  # fmt: skip
    seen.clear()
    model.evaluate(x, y, 3, verbose=0, callbacks=[watch])
    assert seen == [("on_test_begin", []), *batches("test", 2, values), ("on_test_end", [])]
    seen.clear()
    model.predict(x, 3, callbacks=[watch])
    assert seen == [("on_predict_begin", []), *batches("predict", 2, ["batch", "outputs", "size"]),
                    ("on_predict_end", [])]  # fmt: skip


def test_the_progress_bar_is_done_before_ones_own_callbacks_speak(model, capsys):
    class Speak(Callback):
        def on_epoch_end(self, epoch, logs=None):
            print("spoken")

    model.fit(*data(), callbacks=[Speak()])
    shown = capsys.readouterr().out
    assert shown.index("20/20 [====") < shown.index("spoken")
