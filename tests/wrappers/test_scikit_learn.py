"""Models as estimators of scikit-learn."""
import numpy as np
import pytest

from minikeras.layers import Dense
from minikeras.models import Sequential
from minikeras.wrappers.scikit_learn import KerasClassifier, KerasRegressor


def classifier(units=8, loss="categorical_crossentropy"):
    model = Sequential([Dense(units, activation="relu", input_shape=(4,)), Dense(3, activation="softmax")])
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def regressor(units=8):
    model = Sequential([Dense(units, activation="relu", input_shape=(4,)), Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.fixture
def data():
    x = np.random.normal(size=(60, 4)).astype("float32")
    return x, np.array(["ant", "bee", "cow"])[np.argmax(x[:, :3], axis=1)]


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_a_classifier_learns_and_predicts_labels(data, backend, loss):
    x, y = data
    estimator = KerasClassifier(classifier, units=16, loss=loss, epochs=60, batch_size=10, verbose=0)
    history = estimator.fit(x, y)
    assert len(history.epoch) == 60
    assert estimator.classes_.tolist() == ["ant", "bee", "cow"]
    assert set(estimator.predict(x)) <= set(y)
    assert estimator.predict_proba(x).shape == (60, 3)
    assert estimator.score(x, y) > 0.8
    np.testing.assert_allclose(estimator.score(x, y), np.mean(estimator.predict(x) == y), atol=1e-6)


def test_a_regressor_scores_minus_its_loss(data):
    x, _ = data
    y = x.sum(axis=1)
    estimator = KerasRegressor(regressor, epochs=2, batch_size=10, verbose=0)
    estimator.fit(x, y)
    predicted = estimator.predict(x)
    assert predicted.shape == (60,)
    np.testing.assert_allclose(estimator.score(x, y), -np.mean((predicted - y) ** 2), rtol=1e-4)


def test_one_probability_becomes_two(data):
    def build():
        model = Sequential([Dense(1, activation="sigmoid", input_shape=(4,))])
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        return model

    x, _ = data
    estimator = KerasClassifier(build, epochs=1, verbose=0)
    estimator.fit(x, x[:, 0] > 0)
    p = estimator.predict_proba(x)
    assert p.shape == (60, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert estimator.predict(x).dtype == bool


def test_one_hot_targets_are_fitted_and_scored(data):
    x, y = data
    one_hot = (y[:, None] == np.array(["ant", "bee", "cow"])).astype("float32")
    estimator = KerasClassifier(classifier, epochs=1, verbose=0)
    estimator.fit(x, one_hot)
    assert estimator.score(x, one_hot) == pytest.approx(np.mean(estimator.predict(x) == one_hot.argmax(axis=1)))


def test_arguments_that_nothing_takes_are_refused():
    with pytest.raises(ValueError, match="'widht'"):
        KerasClassifier(classifier, widht=3)
    with pytest.raises(ValueError, match="'widht'"):
        KerasClassifier(classifier).set_params(widht=3)


def test_parameters_are_got_and_set():
    estimator = KerasClassifier(classifier, units=4)
    assert estimator.get_params() == {"build_fn": classifier, "units": 4}
    assert estimator.set_params(units=5, epochs=2).get_params()["units"] == 5


def test_an_estimator_that_is_not_fitted_says_so(data):
    for method in ("predict", "predict_proba"):
        with pytest.raises(AttributeError, match="call fit first"):
            getattr(KerasClassifier(classifier), method)(data[0])


def test_a_model_without_accuracy_has_no_score(data):
    def build():
        model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    estimator = KerasClassifier(build, epochs=1, verbose=0)
    estimator.fit(*data)
    with pytest.raises(ValueError, match="metrics="):
        estimator.score(*data)


def test_estimators_can_be_searched_and_used_in_pipelines(data):
    pytest.importorskip("sklearn")
    from sklearn.base import clone, is_classifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    estimator = KerasClassifier(classifier, epochs=2, verbose=0)
    assert is_classifier(estimator)
    assert clone(estimator).get_params() == estimator.get_params()
    search = GridSearchCV(estimator, {"units": [2, 4]}, cv=2).fit(*data)
    assert search.best_params_["units"] in (2, 4)
    assert make_pipeline(StandardScaler(), estimator).fit(*data).predict(data[0]).shape == (60,)
