import numpy as np
import pytest

from minikeras import backend as K
from minikeras import losses, metrics
from minikeras.utils import metrics_utils

RNG = np.random.RandomState(5)
TRUE = RNG.uniform(0.1, 1.0, (4, 3)).astype("float32")
PRED = RNG.uniform(0.1, 1.0, (4, 3)).astype("float32")
BITS = RNG.randint(0, 2, (4, 3)).astype("float32")
LABELS = np.array([1, 0, 0, 1, 1, 0, 1, 0], "float32")
SCORES = np.array([0.9, 0.8, 0.35, 0.6, 0.3, 0.1, 0.45, 0.4], "float32")


def value(function, true, pred, **kwargs):
    return K.eval(function(K.constant(true), K.constant(pred), **kwargs))


def seen(metric, *batches):
    """The values that the metric gives when it is called on each of the batches, tuples of arrays."""
    return [float(K.eval(metric(*(K.constant(a) for a in batch)))) for batch in batches]


# Functions


def test_accuracy_is_where_both_are_equal(backend):
    np.testing.assert_array_equal(value(metrics.accuracy, [[1, 2], [3, 4]], [[1, 0], [3, 4]]), [[1, 0], [1, 1]])


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, [0.5, 1.0]), (0.3, [1.0, 0.5])])
def test_binary_accuracy_is_the_part_on_the_right_side(threshold, expected, backend):
    got = value(metrics.binary_accuracy, [[1, 0], [0, 1]], [[0.4, 0.2], [0.5, 0.9]], threshold=threshold)
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("labels", [[0, 2, 1], [[0], [2], [1]]])
def test_sparse_and_dense_categorical_accuracy_agree(labels, backend):
    pred = np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    one_hot = np.eye(3)[np.ravel(labels)]
    np.testing.assert_array_equal(value(metrics.sparse_categorical_accuracy, labels, pred), [1, 0, 1])
    np.testing.assert_array_equal(value(metrics.categorical_accuracy, one_hot, pred), [1, 0, 1])


@pytest.mark.parametrize(("k", "expected"), [(1, [0, 0]), (2, [1, 0]), (3, [1, 1])])
def test_top_k_accuracy_looks_at_the_k_greatest(k, expected, backend):
    pred = np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]])
    np.testing.assert_array_equal(value(metrics.sparse_top_k_categorical_accuracy, [1, 2], pred, k=k), expected)
    got = value(metrics.top_k_categorical_accuracy, np.eye(3)[[1, 2]], pred, k=k)
    np.testing.assert_array_equal(got, expected)


def test_top_k_accuracy_keeps_time_steps_apart(backend):
    pred = np.array([[[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]]])
    np.testing.assert_array_equal(value(metrics.sparse_top_k_categorical_accuracy, [[1, 2]], pred, k=2), [[1, 0]])


def test_cosine_of_metrics_is_minus_that_of_losses(backend):
    got = value(metrics.cosine_proximity, TRUE, PRED)
    np.testing.assert_allclose(got, -value(losses.cosine_proximity, TRUE, PRED), rtol=1e-6)


# Means and sums


def test_mean_counts_all_batches(backend):
    assert seen(metrics.Mean(), ([1.0, 3.0],), ([5.0, 7.0],)) == [2.0, 4.0]


def test_sum_adds_all_batches(backend):
    assert seen(metrics.Sum(), ([1.0, 3.0],), ([5.0, 7.0],)) == [4.0, 16.0]


def test_mean_is_weighted(backend):
    mean = metrics.Mean()
    assert seen(mean, ([1.0, 3.0], [3.0, 1.0])) == [1.5]
    np.testing.assert_allclose(K.batch_get_value(mean.weights), [6.0, 4.0])


def test_weights_of_samples_count_for_all_their_values(backend):
    np.testing.assert_allclose(seen(metrics.Mean(), ([[1.0, 2.0], [5.0, 6.0]], [1.0, 0.0])), [1.5])


def test_mean_of_nothing_is_zero(backend):
    assert K.eval(metrics.Mean().result()) == 0


def test_reset_starts_anew(backend):
    mean = metrics.Mean()
    seen(mean, ([1.0, 3.0],))
    mean.reset_states()
    assert not np.any(mean.get_weights())
    assert seen(mean, ([5.0],)) == [5.0]


def test_state_that_was_handed_out_stays_as_it_was(backend):
    mean = metrics.Mean()
    seen(mean, ([1.0, 3.0],))
    state = mean.get_weights()
    seen(mean, ([1.0, 3.0],))
    mean.reset_states()
    np.testing.assert_array_equal(state, [4.0, 2.0])


def test_calls_in_one_function_add_up(backend):
    mean = metrics.Mean()
    x, y = K.placeholder((None,)), K.placeholder((None,))
    results = [mean(x), mean(y)]
    K.function([x, y], results, updates=mean.updates)([np.array([1.0, 3.0]), np.array([8.0])])
    np.testing.assert_allclose(K.eval(mean.result()), 4.0)


def test_result_sees_the_batch_of_the_call(backend):
    mean = metrics.Mean()
    x = K.placeholder((None,))
    f = K.function([x], [mean(x)], updates=mean.updates)
    assert [float(f([np.array([v], "float32")])[0]) for v in (1, 3, 5)] == [1.0, 2.0, 3.0]


def test_root_mean_squared_error_is_over_all_elements(backend):
    got = seen(metrics.RootMeanSquaredError(), (TRUE, PRED), (PRED, PRED))
    np.testing.assert_allclose(got, np.sqrt(np.mean((TRUE - PRED) ** 2) / [1, 2]), rtol=1e-5)


def test_mean_relative_error_skips_normalizers_of_zero(backend):
    got = seen(metrics.MeanRelativeError(normalizer=[1.0, 0.0, 2.0]), ([1.0, 2.0, 3.0], [2.0, 9.0, 7.0]))
    np.testing.assert_allclose(got, [1.0], rtol=1e-6)


@pytest.mark.parametrize("name", metrics._CLASSES)
def test_class_is_the_mean_of_its_function(name, backend):
    metric = getattr(metrics, name)()
    true = [0, 2, 1, 1] if name.startswith("Sparse") else BITS
    expected = value(metric._fn, true, PRED, **metric._fn_kwargs)
    np.testing.assert_allclose(seen(metric, (true, PRED)), [expected.mean()], rtol=1e-5)


@pytest.mark.parametrize("name", metrics._CLASSES)
def test_class_survives_its_config(name):
    metric = getattr(metrics, name)(name="mine")
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()


def test_wrapper_of_a_function_can_be_cloned(backend):
    wrapper = metrics.MeanMetricWrapper(metrics.binary_accuracy, name="accurate", threshold=0.3)
    seen(wrapper, (BITS, PRED))
    clone = metrics.clone_metric(wrapper)
    assert clone.name == "accurate"
    assert not np.any(clone.get_weights())
    assert seen(clone, (BITS, PRED)) == seen(metrics.BinaryAccuracy(threshold=0.3), (BITS, PRED))


def test_clone_metrics_takes_lists_and_dicts():
    mean = metrics.Mean()
    assert metrics.clone_metrics([mean])[0] is not mean
    assert metrics.clone_metrics({"a": "mse"}) == {"a": "mse"}


# Confusion matrices


def counts(threshold, labels=LABELS, scores=SCORES, weights=1.0):
    """tp, tn, fp, fn."""
    positive, true = scores > threshold, labels > 0
    sides = (true & positive, ~true & ~positive, ~true & positive, true & ~positive)
    return [float((side * weights).sum()) for side in sides]


ENTRIES = ["TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"]


@pytest.mark.parametrize(("i", "name"), list(enumerate(ENTRIES)))
def test_entries_are_counted_by_threshold(i, name, backend):
    metric = getattr(metrics, name)
    assert seen(metric(), (LABELS, SCORES)) == [counts(0.5)[i]]
    several = K.eval(metric([0.2, 0.7])(K.constant(LABELS), K.constant(SCORES)))
    np.testing.assert_allclose(several, [counts(0.2)[i], counts(0.7)[i]])


def test_entries_are_weighted(backend):
    weights = np.arange(8, dtype="float32")
    assert seen(metrics.TruePositives(), (LABELS, SCORES, weights)) == [counts(0.5, weights=weights)[0]]


def test_weights_of_samples_count_for_all_their_labels(backend):
    weights = np.array([1.0, 0.0, 2.0, 0.5], "float32")
    expected = counts(0.5, BITS, PRED, weights[:, None])[0]
    assert seen(metrics.TruePositives(), (BITS, PRED, weights)) == [expected]


def test_precision_and_recall_over_batches(backend):
    tp, _, fp, fn = counts(0.5)
    halves = [(LABELS[:4], SCORES[:4]), (LABELS[4:], SCORES[4:])]
    np.testing.assert_allclose(seen(metrics.Precision(), *halves)[1], tp / (tp + fp), rtol=1e-6)
    np.testing.assert_allclose(seen(metrics.Recall(), *halves)[1], tp / (tp + fn), rtol=1e-6)


def test_precision_without_positive_predictions_is_zero(backend):
    assert seen(metrics.Precision(), ([1.0, 0.0], [0.1, 0.2])) == [0.0]


def test_precision_of_the_top_k(backend):
    true, pred = [[1, 0, 0, 1]], [[0.1, 0.4, 0.2, 0.3]]
    assert seen(metrics.Precision(top_k=2), (true, pred)) == [0.5]
    assert seen(metrics.Recall(top_k=2, class_id=0), (true, pred)) == [0.0]
    assert seen(metrics.Recall(top_k=2, class_id=3), (true, pred)) == [1.0]


def test_precision_of_one_class(backend):
    np.testing.assert_allclose(
        seen(metrics.Precision(class_id=1), (BITS, PRED)), seen(metrics.Precision(), (BITS[:, 1], PRED[:, 1]))
    )


def test_top_k_keeps_the_first_of_equal_values(backend):
    got = K.eval(metrics_utils.filter_top_k(K.constant([[1.0, 3.0, 3.0, 3.0]]), 2))
    np.testing.assert_allclose(got, [[-1e10, 3.0, 3.0, -1e10]])


def test_sensitivity_is_read_where_specificity_is_nearest(backend):
    thresholds = np.linspace(0, 1, 21)
    table = np.array([counts(np.float32(t)) for t in thresholds])
    sensitivity, specificity = table[:, 0] / (table[:, 0] + table[:, 3]), table[:, 1] / (table[:, 1] + table[:, 2])
    for metric, of, at in ((metrics.SensitivityAtSpecificity, sensitivity, specificity),
                           (metrics.SpecificityAtSensitivity, specificity, sensitivity)):  # fmt: skip
        expected = of[np.argmin(abs(at - 0.7))]
        np.testing.assert_allclose(seen(metric(0.7, num_thresholds=21), (LABELS, SCORES)), [expected], rtol=1e-6)


@pytest.mark.parametrize("weights", [None, "some"])
def test_precision_is_read_where_recall_is_nearest(weights, backend):
    true, scores = RNG.randint(0, 2, 60), RNG.uniform(size=60).astype("float32")
    weights = RNG.uniform(size=60) if weights else np.ones(60)
    found = scores > np.linspace(0, 1, 11, dtype="float32")[:, None]
    tp, positives = (found * true) @ weights, found @ weights
    expected = (tp / np.maximum(positives, 1e-9))[np.argmin(abs(tp / (true @ weights) - 0.8))]
    got = float(K.eval(metrics.PrecisionAtRecall(0.8, num_thresholds=11)(true, scores, sample_weight=weights)))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def curve(thresholds):
    tp, tn, fp, fn = np.array([counts(np.float32(t)) for t in [-1, *thresholds, 2]]).T
    return tp / (tp + fn), fp / (fp + tn), tp / np.maximum(tp + fp, 1)


@pytest.mark.parametrize("method", ["interpolation", "majoring", "minoring"])
def test_area_under_the_roc_curve(method, backend):
    recall, false_rate, _ = curve([0.2, 0.5, 0.7])
    pair = recall[:-1], recall[1:]
    height = {"interpolation": sum(pair) / 2, "majoring": np.maximum(*pair), "minoring": np.minimum(*pair)}[method]
    got = seen(metrics.AUC(thresholds=[0.5, 0.2, 0.7], summation_method=method), (LABELS, SCORES))
    np.testing.assert_allclose(got, [((false_rate[:-1] - false_rate[1:]) * height).sum()], rtol=1e-5)


@pytest.mark.parametrize("method", ["majoring", "minoring"])
def test_area_under_the_precision_recall_curve(method, backend):
    recall, _, precision = curve([0.2, 0.5, 0.7])
    pick = np.maximum if method == "majoring" else np.minimum
    expected = ((recall[:-1] - recall[1:]) * pick(precision[:-1], precision[1:])).sum()
    got = seen(metrics.AUC(curve="PR", thresholds=[0.2, 0.5, 0.7], summation_method=method), (LABELS, SCORES))
    np.testing.assert_allclose(got, [expected], rtol=1e-5)


def test_interpolated_precision_recall_area_is_the_integral(backend):
    """Between two thresholds true and false positives change in proportion: integrate tp / (tp + fp) over recall."""
    table = np.array([counts(np.float32(t)) for t in (-1, 0.2, 0.5, 0.7, 2)])
    tp, fp, positives = table[:, 0], table[:, 2], table[0, 0]
    s = (np.arange(200000) + 0.5) / 200000
    area = 0.0
    for i in range(4):
        t = tp[i + 1] + s * (tp[i] - tp[i + 1])
        p = t + fp[i + 1] + s * (fp[i] - fp[i + 1])
        area += (t / np.maximum(p, 1e-12)).mean() * (tp[i] - tp[i + 1]) / positives
    got = seen(metrics.AUC(curve="PR", thresholds=[0.2, 0.5, 0.7]), (LABELS, SCORES))
    np.testing.assert_allclose(got, [area], rtol=1e-4)


def test_perfect_scores_have_area_one(backend):
    np.testing.assert_allclose(seen(metrics.AUC(), (LABELS, 0.1 + 0.8 * LABELS)), [1.0], rtol=1e-5)


def test_mean_intersection_over_union(backend):
    metric = metrics.MeanIoU(num_classes=4)
    got = seen(metric, ([0, 0, 1], [0, 1, 1]), ([2, 2], [2, 0]))
    np.testing.assert_allclose(got, [0.5, np.mean([1 / 3, 1 / 2, 1 / 2])], rtol=1e-6)


def test_labels_of_sequences_are_weighted_by_sample(backend):
    true, pred = np.array([[0, 1], [1, 1]]), np.array([[0, 1], [0, 1]])
    metric = metrics.MeanIoU(num_classes=2)
    got = float(K.eval(metric(true, pred, sample_weight=[1.0, 2.0])))
    np.testing.assert_allclose(got, np.mean([1 / (1 + 2), 3 / (3 + 2)]), rtol=1e-6)


@pytest.mark.parametrize("weights", [2.0, [1.0, 0.0, 2.0, 1.0], [[1.0], [0.0], [2.0], [1.0]]])
@pytest.mark.parametrize("name", ["MeanSquaredError", "RootMeanSquaredError", "BinaryAccuracy", "Precision"])
def test_weights_of_samples_count_for_all_their_time_steps(name, weights, backend):
    """On sequences [batch, times, 1] as on the flat values with the weights written out."""
    make = getattr(metrics, name)
    full = np.broadcast_to(np.reshape(weights, (-1, 1)), (4, 3)) if np.ndim(weights) else np.full((4, 3), weights)
    expected = float(K.eval(make()(BITS.reshape(12, 1), PRED.reshape(12, 1), sample_weight=full.reshape(12))))
    got = float(K.eval(make()(BITS[..., None], PRED[..., None], sample_weight=weights)))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["AUC", "Recall", "MeanSquaredError", "SparseCategoricalAccuracy", "Accuracy"])
def test_without_samples_metrics_stay_zero(name, backend):
    metric = getattr(metrics, name)()
    assert float(K.eval(metric(np.zeros((0, 1)), np.zeros((0, 1))))) == 0


WITH_ARGUMENTS = [
    lambda: metrics.TruePositives([0.1, 0.2]), lambda: metrics.Precision(0.3, class_id=1),
    lambda: metrics.Recall(top_k=2), lambda: metrics.AUC(11), lambda: metrics.MeanIoU(3),
    lambda: metrics.AUC(curve="PR", summation_method="majoring", thresholds=[0.3, 0.4]),
    lambda: metrics.SensitivityAtSpecificity(0.4, 20), lambda: metrics.SpecificityAtSensitivity(0.4),
    lambda: metrics.PrecisionAtRecall(0.3, 9),
    lambda: metrics.RootMeanSquaredError(), lambda: metrics.MeanRelativeError([1.0, 2.0]),
]  # fmt: skip


@pytest.mark.parametrize("make", WITH_ARGUMENTS)
def test_metric_survives_its_config(make):
    metric = make()
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert [K.int_shape(w) for w in again.weights] == [K.int_shape(w) for w in metric.weights]


@pytest.mark.parametrize(
    "make",
    [
        lambda: metrics.Precision(1.5), lambda: metrics.AUC(curve="ROK"), lambda: metrics.AUC(num_thresholds=1),
        lambda: metrics.AUC(summation_method="mid"), lambda: metrics.SensitivityAtSpecificity(-1),
        lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0), lambda: metrics.AUC(thresholds=[2]),
    ],
)  # fmt: skip
def test_impossible_arguments_are_refused(make):
    with pytest.raises(ValueError):
        make()


def test_targets_of_another_shape_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 2\)"):
        metrics.AUC()(K.placeholder((4, 3)), K.placeholder((4, 2)))


# Metrics of one's own


class Hits(metrics.Metric):
    """Counts in the way of Keras 2.3: adds its update itself and returns something else."""

    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight("hits")

    def update_state(self, y_true, y_pred, sample_weight=None):
        found = K.sum(K.cast(K.equal(y_true, y_pred), self.dtype))
        self.add_update(K.update_add(self.hits, found))
        return found

    def result(self):
        return self.hits


class Total(metrics.Sum):
    def update_state(self, values, sample_weight=None):
        return super().update_state(2 * values, sample_weight)


def test_metric_may_add_its_updates_itself(backend):
    metric = Hits()
    x = K.placeholder((None,))
    result = metric(x, K.constant([1.0, 2.0, 3.0]))
    K.function([x], [result], updates=metric.updates)([np.array([1.0, 0.0, 3.0])])
    assert K.eval(metric.result()) == 2.0


def test_update_of_a_base_counts_once(backend):
    metric = Total()
    metric(K.constant([1.0, 2.0]))
    assert len(metric.updates) == 1
    assert seen(Total(), ([1.0, 2.0],)) == [6.0]


def test_result_knows_its_metric():
    metric = metrics.Mean()
    assert metric(K.constant([1.0]))._metric_obj is metric


def test_get_knows_names_classes_and_functions():
    assert metrics.get("mse") is losses.mean_squared_error
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert metrics.get(np.mean) is np.mean
    assert metrics.get("cosine_similarity") is metrics.cosine_similarity


@pytest.mark.parametrize("wrong", ["no_such", 3, "clone_metric", {"class_name": "Layer", "config": {}}])
def test_get_refuses_what_is_no_metric(wrong):
    with pytest.raises(ValueError):
        metrics.get(wrong)
