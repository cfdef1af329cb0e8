"""Batches of pictures: from arrays, folders and tables."""
import pickle
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from minikeras.layers import Dense, Flatten
from minikeras.models import Sequential
from minikeras.preprocessing.image import ImageDataGenerator, Iterator, NumpyArrayIterator, img_to_array, load_img
from minikeras.utils import OrderedEnqueuer

pil = pytest.importorskip("PIL.Image")
pytest.importorskip("scipy")

forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning", "ignore:os.fork:RuntimeWarning")

X = np.random.RandomState(1).randint(0, 255, (10, 6, 5, 3)).astype("uint8")
Y = np.arange(10)
CHANGES = {"rotation_range": 30, "width_shift_range": 0.2, "horizontal_flip": True, "channel_shift_range": 20.0}


# ---- arrays

def test_batches_of_arrays_come_in_order_with_their_targets():
    batches = ImageDataGenerator().flow(X, Y, batch_size=4, shuffle=False, sample_weight=Y / 10)
    assert len(batches) == 3
    for _ in range(2):
        got = [next(batches) for _ in range(3)]
        assert np.array_equal(np.concatenate([x for x, _, _ in got]), X)
        assert np.concatenate([y for _, y, _ in got]).tolist() == list(range(10))
        np.testing.assert_array_equal(np.concatenate([w for _, _, w in got]), Y / 10)
    assert got[0][0].dtype == "float32"
    assert [len(batches[i][1]) for i in range(3)] == [4, 4, 2]
    with pytest.raises(ValueError, match="no batch 3"):
        batches[3]


def test_the_seed_fixes_order_and_changes():
    generator = ImageDataGenerator(**CHANGES)
    batches = generator.flow(X, Y, batch_size=4, seed=3)
    x, y = next(batches)
    random = np.random.RandomState(3)
    order = random.permutation(10)
    assert y.tolist() == order[:4].tolist()
    expected = [generator.random_transform(X[i].astype("float32"), random) for i in order[:4]]
    np.testing.assert_array_equal(x, expected)
    again = generator.flow(X, Y, batch_size=4, seed=3)
    np.testing.assert_array_equal(again[0][0], x)
    np.testing.assert_array_equal(again[1][0], next(batches)[0])
    epochs = [np.concatenate([next(batches)[1] for _ in range(3)])[:9] for _ in range(3)]
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_without_a_seed_numpys_generator_decides():
    orders = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        orders.append(ImageDataGenerator().flow(X, Y, batch_size=10)[0][1].tolist())
    assert orders[0] == orders[1] != orders[2]


def test_pictures_and_masks_are_changed_alike():
    generator = ImageDataGenerator(**{**CHANGES, "channel_shift_range": 0.0})
    pairs = zip(generator.flow(X, seed=5, batch_size=4), generator.flow(255.0 - X, seed=5, batch_size=4), strict=True)
    for _, (x, mask) in zip(range(5), pairs, strict=False):
        np.testing.assert_allclose(x + mask, 255, atol=1e-3)


def took(workers, processes, seed=3):
    enqueuer = OrderedEnqueuer(ImageDataGenerator(**CHANGES).flow(X, batch_size=3, seed=seed), processes)
    enqueuer.start(workers=workers, max_queue_size=4)
    batches = enqueuer.get()
    taken = [next(batches) for _ in range(8)]
    enqueuer.stop()
    return taken


@forks
def test_any_number_of_threads_and_processes_makes_the_same_batches():
    batches = ImageDataGenerator(**CHANGES).flow(X, batch_size=3, seed=3)
    expected = [next(batches) for _ in range(8)]
    for workers, processes in [(1, False), (4, False), (2, True)]:
        for got, want in zip(took(workers, processes), expected, strict=True):
            np.testing.assert_array_equal(got, want)


@forks
def test_without_a_seed_no_epoch_is_repeated_by_processes():
    taken = took(2, True, seed=None)
    assert not np.array_equal(taken[0], taken[4])


def test_iterators_can_be_pickled_for_processes():
    batches = ImageDataGenerator(**CHANGES).flow(X, batch_size=4)
    again = pickle.loads(pickle.dumps(batches))
    np.testing.assert_array_equal(again[0], batches[0])
    np.testing.assert_array_equal(next(again), next(batches))


def test_threads_may_share_an_endless_iterator():
    batches = ImageDataGenerator().flow(np.arange(400.0).reshape(400, 1, 1, 1), batch_size=1, shuffle=False)
    with ThreadPool(8) as pool:
        taken = pool.map(lambda _: float(next(batches)[0, 0, 0, 0]), range(400))
    assert sorted(taken) == list(range(400))


def test_subsets_split_the_samples():
    generator = ImageDataGenerator(validation_split=0.3)
    held = generator.flow(X, Y / 1.5, subset="validation", shuffle=False)
    rest = generator.flow(X, Y / 1.5, subset="training", shuffle=False)
    assert (held.n, rest.n) == (3, 7)
    np.testing.assert_array_equal(next(held)[0], X[:3])
    np.testing.assert_array_equal(next(rest)[1], Y[3:] / 1.5)
    with pytest.raises(ValueError, match="different labels"):
        generator.flow(X, Y // 5, subset="training")
    with pytest.raises(ValueError, match="subset must be"):
        generator.flow(X, subset="test")
    with pytest.raises(ValueError, match="validation_split"):
        ImageDataGenerator().flow(X, subset="training")


def test_other_inputs_come_along():
    other = np.arange(20).reshape(10, 2)
    inputs, y = ImageDataGenerator().flow((X, [other, Y]), Y, batch_size=4, seed=1)[0]
    assert len(inputs) == 3
    np.testing.assert_array_equal(inputs[0], X[y])
    np.testing.assert_array_equal(inputs[1], other[y])
    assert len(ImageDataGenerator().flow((X, other), batch_size=4)[0]) == 2


@pytest.mark.parametrize(("arguments", "message"), [
    ({"x": X, "y": Y[1:]}, "y must be as many"), ({"x": (X, Y[1:])}, "other inputs must be"),
    ({"x": X, "y": Y, "sample_weight": [1]}, "sample_weight must be"), ({"x": X[0]}, "four axes"),
])
def test_arrays_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator().flow(**arguments)


def test_odd_channels_are_told_and_dtypes_are_kept():
    with pytest.warns(UserWarning, match="channels"):
        ImageDataGenerator().flow(np.zeros((2, 3, 3, 2)))
    assert ImageDataGenerator(dtype="float16", rotation_range=5).flow(X)[0].dtype == "float16"
    assert NumpyArrayIterator(X, None, ImageDataGenerator()).dtype == "float32"
    with pytest.raises(ValueError, match="no samples"):
        next(ImageDataGenerator().flow(X[:0]))


def test_what_was_made_can_be_saved_to_look_at(tmp_path):
    folder = tmp_path / "made"
    x = next(ImageDataGenerator().flow(X, batch_size=3, shuffle=False, save_to_dir=str(folder), save_prefix="p"))
    files = sorted(folder.iterdir())
    assert [file.name[:4] for file in files] == ["p_0_", "p_1_", "p_2_"]
    low, high = x[1].min(), x[1].max()
    np.testing.assert_allclose(img_to_array(load_img(files[1])), (x[1] - low) / (high - low) * 255, atol=1)


def test_own_iterators_say_how_to_make_a_batch():
    class Squares(Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array ** 2

    squares = Squares(5, 2, False, None)
    assert [next(squares).tolist() for _ in range(4)] == [[0, 1], [4, 9], [16], [0, 1]]
    squares.reset()
    assert next(squares).tolist() == [0, 1]
    with pytest.raises(NotImplementedError, match="Iterator does not say"):
        next(Iterator(3, 1, False, None))


# ---- folders

@pytest.fixture
def folder(tmp_path):
    """Three classes of four pictures each, of one colour each: 50 * class + number."""
    for label, name in enumerate(("ant", "bee", "cow")):
        inner = tmp_path / "set" / name / ("deep" if name == "cow" else ".")
        inner.mkdir(parents=True)
        for i in range(4):
            color = (50 * label + i, 1, 2)
            pil.new("RGB", (7, 5), color).save(inner / f"{i}.{'PNG' if i else 'png'}")
    (tmp_path / "set" / "notes.txt").write_text("no picture")
    (tmp_path / "set" / "ant" / "notes.txt").write_text("no picture")
    return tmp_path / "set"


def red(x):
    return x[:, 0, 0, 0].tolist()


def test_folders_are_classes(folder, capsys):
    batches = ImageDataGenerator().flow_from_directory(str(folder), target_size=(4, 3), batch_size=5, shuffle=False)
    assert "Found 12 images belonging to 3 classes." in capsys.readouterr().out
    assert batches.class_indices == {"ant": 0, "bee": 1, "cow": 2}
    assert batches.classes.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert batches.samples == 12
    assert batches.filenames[-1].replace("\\", "/") == "cow/deep/3.PNG"
    assert batches.filepaths[0].startswith(str(folder))
    assert batches.image_shape == (4, 3, 3)
    x, y = batches[1]
    assert x.shape == (5, 4, 3, 3)
    assert red(x) == [51, 52, 53, 100, 101]
    assert y.tolist() == [[0, 1, 0]] * 3 + [[0, 0, 1]] * 2


@pytest.mark.parametrize(("mode", "targets"), [
    ("sparse", [0, 0, 1, 1]), ("binary", [0, 0, 1, 1]), ("categorical", [[1, 0], [1, 0], [0, 1], [0, 1]])])
def test_targets_of_folders(folder, mode, targets):
    batches = ImageDataGenerator(dtype="float64").flow_from_directory(folder, (4, 3), classes=["cow", "ant"],
                                                                      class_mode=mode, shuffle=False)
    x, y = batches[0]
    assert y.dtype == x.dtype == "float64"
    assert red(x) == [100, 101, 102, 103, 0, 1, 2, 3]
    assert y[2:6].tolist() == targets


def test_pictures_as_their_own_targets_or_without(folder):
    generator = ImageDataGenerator(rescale=0.5)
    x, y = generator.flow_from_directory(folder, (4, 3), class_mode="input")[0]
    np.testing.assert_array_equal(x, y)
    x = generator.flow_from_directory(folder, (4, 3), class_mode=None, shuffle=False)[0]
    assert red(x)[:3] == [0, 0.5, 1]


@pytest.mark.parametrize(("mode", "channels"), [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
def test_colour_modes(folder, mode, channels):
    for data_format, shape in [("channels_last", (12, 4, 3, channels)), ("channels_first", (12, channels, 4, 3))]:
        generator = ImageDataGenerator(data_format=data_format, rotation_range=10)
        assert generator.flow_from_directory(folder, (4, 3), mode, class_mode=None)[0].shape == shape


def test_each_class_is_split(folder):
    generator = ImageDataGenerator(validation_split=0.25)
    held = generator.flow_from_directory(folder, subset="validation", shuffle=False, class_mode="sparse")
    rest = generator.flow_from_directory(folder, subset="training", shuffle=False, class_mode="sparse")
    assert held.classes.tolist() == [0, 1, 2]
    assert rest.classes.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert not set(held.filenames) & set(rest.filenames)
    assert held[0][0].shape == (3, 256, 256, 3)


def test_links_are_followed_on_demand_and_not_in_circles(folder):
    (folder / "ant" / "linked").symlink_to(folder / "bee")
    (folder / "ant" / "round").symlink_to(folder / "ant")
    options = {"class_mode": None, "classes": ["ant"]}
    assert ImageDataGenerator().flow_from_directory(folder, **options).samples == 4
    assert ImageDataGenerator().flow_from_directory(folder, **options, follow_links=True).samples == 8


@pytest.mark.parametrize(("options", "message"), [
    ({"class_mode": "raw"}, "class_mode must be"), ({"color_mode": "cmyk"}, "color_mode must be"),
    ({"classes": ["ant", "dog"]}, "no folder .*dog"), ({"subset": "training"}, "validation_split"),
])
def test_bad_options_of_folders_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator().flow_from_directory(folder, **options)


@forks
@pytest.mark.parametrize("workers", [{"workers": 0}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}],
                         ids=["none", "threads", "processes"])
def test_models_train_on_folders(folder, workers):
    model = Sequential([Flatten(input_shape=(4, 3, 3)), Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    batches = generator.flow_from_directory(folder, (4, 3), batch_size=5, seed=1)
    history = model.fit_generator(batches, epochs=3, validation_data=batches, verbose=0, **workers).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.predict_generator(batches, **workers).shape == (12, 3)
    assert len(model.evaluate_generator(batches, steps=2, **workers)) == 2


# ---- tables

@pytest.fixture
def table(folder):
    names = [f"{name}/{i}.{'PNG' if i else 'png'}" for name in ("ant", "bee") for i in range(3)]
    return {"filename": names, "class": ["b", "a", "b", "a", "c", "b"], "value": [0.5, 1, 2, 3, 4, 5],
            "other": [9, 8, 7, 6, 5, 4], "several": [["a"], ["a", "b"], ["b", "c"], ["c"], ["a"], ["z"]]}


def flow(table, folder, **options):
    return ImageDataGenerator(validation_split=0.5).flow_from_dataframe(
        table, str(folder), **{"target_size": (4, 3), "shuffle": False, **options})


@pytest.mark.parametrize("as_frame", [False, True])
def test_tables_name_files_and_classes(table, folder, capsys, as_frame):
    if as_frame:
        table = pytest.importorskip("pandas").DataFrame(table, index=list("uvwxyz"))
    batches = flow(table, folder)
    assert "Found 6 validated image filenames belonging to 3 classes." in capsys.readouterr().out
    x, y = batches[0]
    assert red(x) == [0, 1, 2, 50, 51, 52]
    assert y.argmax(1).tolist() == [1, 0, 1, 0, 2, 1]
    assert batches.class_indices == {"a": 0, "b": 1, "c": 2}
    x, y, weights = flow(table, folder, y_col="value", class_mode="raw", weight_col="other", subset="training")[0]
    assert (y.tolist(), weights.tolist()) == ([3, 4, 5], [6, 5, 4])
    if as_frame:
        both = flow(table, folder, y_col=["value", "other"], class_mode="raw")[0][1]
        assert both.shape == (6, 2)


def test_targets_of_tables(table, folder):
    assert flow(table, folder, class_mode="sparse")[0][1].tolist() == [1, 0, 1, 0, 2, 1]
    assert flow(table, folder, class_mode="binary", classes=["b", "c"])[0][1].tolist() == [0, 0, 1, 0]
    several = flow(table, folder, y_col="several", classes=["a", "b", "c"])
    assert several.classes == [[0], [0, 1], [1, 2], [2], [0]]
    assert several[0][1].tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]]
    value, other = flow(table, folder, y_col=["value", "other"], class_mode="multi_output")[0][1]
    assert (value.tolist(), other.tolist()) == (table["value"], table["other"])
    x, y = flow(table, folder, class_mode="input", y_col=None)[0]
    np.testing.assert_array_equal(x, y)
    assert flow(table, folder, class_mode=None)[0].shape == (6, 4, 3, 3)


def test_missing_files_are_left_out_unless_names_are_trusted(table, folder):
    table["filename"][1] = "ant/none.png"
    table["filename"][4] = "notes.txt"
    with pytest.warns(UserWarning, match="2 of 6"):
        batches = flow(table, folder, class_mode="sparse")
    assert red(batches[0][0]) == [0, 2, 50, 52]
    assert flow(table, folder, validate_filenames=False).samples == 6


def test_whole_paths_need_no_directory(table, folder):
    table["filename"] = [str(folder / name) for name in table["filename"]]
    assert red(flow(table, "", class_mode=None)[0]) == [0, 1, 2, 50, 51, 52]


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"class_mode": "binary"}, ValueError, "needs two classes"),
    ({"class_mode": "other_mode"}, ValueError, "class_mode must be"),
    ({"y_col": "value"}, TypeError, r"must be strings \(or lists"),
    ({"y_col": "value", "class_mode": "sparse"}, TypeError, "must be strings"),
    ({"x_col": "value"}, TypeError, "x_col='value' must be strings"),
    ({"weight_col": "class"}, TypeError, "weights must be numbers"),
    ({"y_col": "value", "class_mode": "multi_output"}, TypeError, "list of columns"),
    ({"nonsense": 1}, TypeError, "no argument 'nonsense'"),
])
def test_bad_columns_are_refused(table, folder, options, error, message):
    with pytest.raises(error, match=message):
        flow(table, folder, **options)


def test_arguments_of_older_versions(table, folder):
    with pytest.warns(DeprecationWarning, match="drop_duplicates"):
        flow(table, folder, drop_duplicates=True)
    with pytest.warns(DeprecationWarning, match="raw"):
        assert flow(table, folder, y_col="value", class_mode="other").class_mode == "raw"
    with pytest.warns(UserWarning, match="classes has no meaning"):
        flow(table, folder, class_mode=None, classes=["a"])
