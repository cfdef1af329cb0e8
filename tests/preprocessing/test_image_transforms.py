"""Pictures in files and as arrays, and what is done to them."""
import io

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.preprocessing import image
from minikeras.preprocessing.image import ImageDataGenerator

pil = pytest.importorskip("PIL.Image")
pytest.importorskip("scipy")

RAMP = np.arange(2 * 3 * 3, dtype="float32").reshape(2, 3, 3) * 15


def saved(tmp_path, array, name="picture.png"):
    pil.fromarray(np.asarray(array, "uint8")).save(tmp_path / name)
    return tmp_path / name


def test_images_become_arrays_in_either_data_format():
    img = pil.fromarray(RAMP.astype("uint8"))
    x = image.img_to_array(img)
    assert x.dtype == "float32"
    assert np.array_equal(x, RAMP)
    x[0] = 0                                              # a copy
    assert np.array_equal(image.img_to_array(img, "channels_first", "uint8"), RAMP.transpose(2, 0, 1))
    K.set_image_data_format("channels_first")
    assert image.img_to_array(img).shape == (3, 2, 3)
    assert image.img_to_array(img.convert("L")).shape == (1, 2, 3)
    with pytest.raises(ValueError, match="two or three axes"):
        image.img_to_array(np.zeros(3))
    with pytest.raises(ValueError, match="data_format"):
        image.img_to_array(img, "last")


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_arrays_become_images_in_either_data_format(channels, mode):
    x = np.random.randint(0, 255, (4, 5, channels)).astype("float32")
    img = image.array_to_img(x, scale=False)
    assert (img.mode, img.size) == (mode, (5, 4))
    assert np.array_equal(image.img_to_array(img), x)
    again = image.array_to_img(x.transpose(2, 0, 1), "channels_first", scale=False)
    assert again.tobytes() == img.tobytes()


def test_images_are_stretched_to_their_range():
    stretched = image.img_to_array(image.array_to_img(np.array([[[-1.0], [1.0]], [[3.0], [0.0]]])))
    assert stretched[..., 0].tolist() == [[0, 127], [255, 63]]
    assert image.img_to_array(image.array_to_img(np.full((2, 2, 3), 7.0))).max() == 0
    assert image.array_to_img(np.full((2, 2, 1), 300.0), scale=False).mode == "I"
    for shape in [(2, 2), (2, 2, 2), (1, 2, 2, 3)]:
        with pytest.raises(ValueError, match="shape"):
            image.array_to_img(np.zeros(shape))


def test_pictures_are_loaded_in_a_colour_mode_and_a_size(tmp_path):
    rgba = np.random.randint(0, 255, (8, 6, 4))
    path = saved(tmp_path, rgba)
    assert np.array_equal(image.img_to_array(image.load_img(path, color_mode="rgba")), rgba)
    assert np.array_equal(image.img_to_array(image.load_img(str(path))), rgba[..., :3])
    gray = image.load_img(io.BytesIO(path.read_bytes()), color_mode="grayscale")
    weights = [0.299, 0.587, 0.114]                       # ITU-R 601-2 luma
    np.testing.assert_allclose(np.asarray(gray), rgba[..., :3] @ weights, atol=1)
    with pytest.warns(UserWarning, match="color_mode"):
        assert image.load_img(path, grayscale=True).mode == "L"
    small = image.load_img(path, target_size=(4, 3))
    assert np.array_equal(image.img_to_array(small), rgba[1::2, 1::2, :3])    # nearest: of each 2 x 2 the last
    box = image.img_to_array(image.load_img(path, target_size=(4, 3), interpolation="box"))
    np.testing.assert_allclose(box, rgba[..., :3].reshape(4, 2, 3, 2, 3).mean((1, 3)), atol=1)
    for options in ({"color_mode": "cmyk"}, {"interpolation": "best", "target_size": (2, 2)}):
        with pytest.raises(ValueError, match="must be one of"):
            image.load_img(path, **options)


def test_deep_grayscale_is_kept(tmp_path):
    deep = np.arange(12, dtype="uint16").reshape(3, 4) * 5000
    pil.fromarray(deep).save(tmp_path / "deep.png")
    x = image.img_to_array(image.load_img(tmp_path / "deep.png", color_mode="grayscale"))
    assert np.array_equal(x[..., 0], deep)


def test_pictures_are_saved(tmp_path):
    x = np.random.randint(0, 255, (4, 5, 4)).astype("float32")
    image.save_img(tmp_path / "a.png", x, scale=False)
    assert np.array_equal(image.img_to_array(image.load_img(tmp_path / "a.png", color_mode="rgba")), x)
    with pytest.warns(UserWarning, match="no transparency"):
        image.save_img(tmp_path / "a.jpg", x)
    with pytest.warns(UserWarning, match="no transparency"):
        image.save_img(stream := io.BytesIO(), x, file_format="jpg", quality=90)
    assert pil.open(stream).format == "JPEG"
    image.save_img(str(tmp_path / "b.bmp"), x[..., 0][None], data_format="channels_first", scale=False)
    assert np.array_equal(np.asarray(pil.open(tmp_path / "b.bmp")), x[..., 0])


# ---- moves: exact for whole pixels and quarter turns

SQUARE = np.random.RandomState(0).uniform(size=(5, 5, 2))


def moved(**move):
    return image.apply_affine_transform(SQUARE, **move)


def test_whole_turns_and_moves_are_exact():
    np.testing.assert_allclose(moved(theta=180), SQUARE[::-1, ::-1], atol=1e-9)
    np.testing.assert_allclose(moved(theta=90), np.rot90(SQUARE, -1), atol=1e-9)
    np.testing.assert_allclose(moved(tx=2)[:3], SQUARE[2:])
    np.testing.assert_allclose(moved(ty=-1)[:, 1:], SQUARE[:, :-1])
    np.testing.assert_allclose(moved(zx=2, order=0)[1:4], SQUARE[::2])
    assert moved() is SQUARE


def test_linear_interpolation_and_shear_follow_their_formulas():
    row, col = np.mgrid[:5, :5].astype("float64")
    plane = (3 * row + 5 * col)[..., None]
    np.testing.assert_allclose(image.apply_affine_transform(plane, tx=0.5, ty=0.25)[:4, :4],
                               plane[:4, :4] + 1.5 + 1.25)
    angle = np.deg2rad(10)
    sheared = image.apply_affine_transform(plane, shear=10)[..., 0]
    expected = 3 * (row - np.sin(angle) * (col - 2)) + 5 * (2 + np.cos(angle) * (col - 2))
    np.testing.assert_allclose(sheared[1:4, 1:4], expected[1:4, 1:4])


@pytest.mark.parametrize(("mode", "row"), [
    ("nearest", [0, 0, 0, 1]), ("reflect", [2, 1, 0, 0]), ("wrap", [1, 2, 3, 0]), ("constant", [9, 9, 9, 0])])
def test_what_lies_beyond_the_edge(mode, row):
    x = np.arange(4.0).reshape(1, 4, 1)
    n = {"nearest": 2, "reflect": 3, "wrap": 3, "constant": 3}[mode]
    assert image.apply_affine_transform(x, ty=-n, fill_mode=mode, cval=9)[0, :, 0].tolist() == row


def test_channels_may_stand_anywhere():
    expected = moved(theta=30, tx=1, zx=1.5)
    first = image.apply_affine_transform(SQUARE.transpose(2, 0, 1), 30, 1, zx=1.5, row_axis=1, col_axis=2,
                                         channel_axis=0)
    np.testing.assert_allclose(first.transpose(1, 2, 0), expected)
    turned = image.apply_affine_transform(SQUARE.transpose(1, 0, 2), 30, 1, zx=1.5, row_axis=1, col_axis=0)
    np.testing.assert_allclose(turned.transpose(1, 0, 2), expected)
    assert image.apply_affine_transform(SQUARE.astype("float16"), 30).dtype == "float16"


def test_bad_axes_fill_modes_and_ranges_are_refused():
    with pytest.raises(ValueError, match="three axes"):
        moved(theta=1, row_axis=0, col_axis=0)
    with pytest.raises(ValueError, match="three axes"):
        image.apply_affine_transform(np.zeros((2, 2)), 1)
    with pytest.raises(ValueError, match="fill_mode"):
        moved(theta=1, fill_mode="mirror")
    with pytest.raises(ValueError, match="zoom_range"):
        image.random_zoom(SQUARE, 0.5)
    with pytest.raises(ValueError, match="brightness_range"):
        image.random_brightness(SQUARE, (1,))


@pytest.mark.parametrize(("random", "argument", "parameters"), [
    (image.random_rotation, (30,), lambda u: {"theta": u(-30, 30)}),
    (image.random_shift, (0.2, 0.4), lambda u: {"tx": u(-0.4, 0.4) * 5, "ty": u(-0.2, 0.2) * 5}),
    (image.random_shear, (20,), lambda u: {"shear": u(-20, 20)}),
    (image.random_zoom, ((0.5, 2),), lambda u: {"zx": u(0.5, 2), "zy": u(0.5, 2)}),
])
def test_random_moves_draw_uniformly_from_numpys_generator(random, argument, parameters):
    np.random.seed(4)
    axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    x = random(SQUARE, *argument, **axes, fill_mode="reflect", interpolation_order=0)
    np.random.seed(4)
    np.testing.assert_allclose(x, moved(**parameters(np.random.uniform), fill_mode="reflect", order=0))


def test_colours_shift_within_the_range_of_the_picture():
    x = np.array([[[1.0, 5.0], [3.0, 9.0]]])
    assert image.apply_channel_shift(x, 3, 2).tolist() == [[[4, 8], [6, 9]]]
    np.random.seed(1)
    shifted = image.random_channel_shift(x, 2.0, 2)
    np.random.seed(1)
    np.testing.assert_allclose(shifted, np.clip(x + np.random.uniform(-2, 2), 1, 9))


def test_brightness_is_a_factor():
    x = np.array([[[0.0], [100.0]], [[200.0], [255.0]]])
    assert image.apply_brightness_shift(x, 0.5)[..., 0].tolist() == [[0, 50], [100, 127]]
    assert image.apply_brightness_shift(x, 2)[..., 0].tolist() == [[0, 200], [255, 255]]
    assert image.random_brightness(x, (1, 1)).tolist() == x.tolist()


# ---- the generator's own draws, changes and scales

def test_no_option_changes_nothing():
    generator = ImageDataGenerator()
    x = np.random.uniform(0, 255, (6, 4, 3)).astype("float32")
    assert np.array_equal(generator.random_transform(x), x)
    assert np.array_equal(generator.standardize(x), x)


def test_draws_follow_the_seed_and_the_ranges():
    generator = ImageDataGenerator(rotation_range=20, width_shift_range=0.25, height_shift_range=3.0, shear_range=5.0,
                                   zoom_range=0.2, channel_shift_range=10.0, brightness_range=(0.5, 1.5),
                                   horizontal_flip=True, vertical_flip=True)
    random = np.random.RandomState(7)
    expected = {"theta": random.uniform(-20, 20), "tx": random.uniform(-3, 3), "ty": random.uniform(-0.25, 0.25) * 8,
                "shear": random.uniform(-5, 5)}
    expected["zx"], expected["zy"] = random.uniform(0.8, 1.2, 2)
    expected |= {"flip_horizontal": random.random_sample() < 0.5, "flip_vertical": random.random_sample() < 0.5,
                 "channel_shift_intensity": random.uniform(-10, 10), "brightness": random.uniform(0.5, 1.5)}
    assert generator.get_random_transform((6, 8, 3), seed=7) == expected
    np.random.seed(7)
    assert generator.get_random_transform((6, 8, 3)) == expected


@pytest.mark.parametrize(("shift", "allowed"), [(3, {-2, -1, 0, 1, 2}), ([0, 4], {-4, 0, 4}), ([0.5], {-3, 3})])
def test_whole_and_listed_shifts(shift, allowed):
    generator = ImageDataGenerator(height_shift_range=shift)
    assert {generator.get_random_transform((6, 8, 3))["tx"] for _ in range(60)} == allowed


def test_transforms_are_applied_in_their_order():
    x = np.random.uniform(0, 255, (3, 4, 5)).astype("float32")
    generator = ImageDataGenerator(data_format="channels_first", fill_mode="wrap")
    done = {"tx": 1, "ty": 2, "channel_shift_intensity": 50, "flip_horizontal": True, "flip_vertical": True,
            "brightness": 0.5}
    expected = np.roll(x, (-1, -2), axis=(1, 2))
    expected = np.clip(expected + 50, x.min(), x.max())[:, ::-1, ::-1]
    expected = np.floor((expected - expected.min()) / (expected.max() - expected.min()) * 255)
    result = generator.apply_transform(x, done)
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, np.floor(expected * 0.5), atol=1)
    assert np.array_equal(generator.apply_transform(x, {}), x)


def test_scaling_steps_follow_each_other():
    x = np.random.uniform(0, 255, (4, 5, 3)).astype("float32")
    before = x.copy()
    generator = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True, rescale=0.1,
                                   preprocessing_function=lambda image: image + 1)
    y = (x + 1) * np.float32(0.1)
    y -= y.mean()
    np.testing.assert_allclose(generator.standardize(x), y / (y.std() + 1e-6), rtol=1e-5, atol=1e-6)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_features_are_centred_and_scaled_by_channel(data_format):
    x = np.random.uniform(0, 9, (10, 4, 5, 3))
    axes, x = ((0, 1, 2), x) if data_format == "channels_last" else ((0, 2, 3), x.transpose(0, 3, 1, 2))
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, data_format=data_format,
                                   dtype="float64")
    generator.fit(x)
    mean, std = x.mean(axes, keepdims=True), x.std(axes, keepdims=True)
    np.testing.assert_allclose(generator.mean, mean[0])
    np.testing.assert_allclose(next(generator.flow(x, batch_size=10, shuffle=False)), (x - mean) / (std + 1e-6))


def test_whitening_makes_the_covariance_the_identity():
    x = np.random.normal(size=(400, 2, 2, 1)) @ np.ones((1, 1)) + np.random.normal(size=(400, 1, 1, 1))
    with pytest.warns(UserWarning, match="featurewise_center=True"):
        generator = ImageDataGenerator(zca_whitening=True, zca_epsilon=1e-9, dtype="float64")
    generator.fit(x)
    white = generator.standardize(x).reshape(400, 4)
    np.testing.assert_allclose(white.T @ white / 400, np.eye(4), atol=1e-6)
    np.testing.assert_allclose(generator.principal_components, generator.principal_components.T, atol=1e-12)
    np.testing.assert_allclose(np.stack([generator.standardize(one) for one in x[:3]]).reshape(3, 4), white[:3])


def test_statistics_of_changed_pictures():
    x = np.random.uniform(size=(3, 4, 4, 1))
    generator = ImageDataGenerator(featurewise_center=True, height_shift_range=2, fill_mode="constant")
    generator.fit(x, augment=True, rounds=2, seed=5)
    random = np.random.RandomState(5)
    changed = [generator.random_transform(one.astype("float32"), random) for _ in range(2) for one in x]
    np.testing.assert_allclose(generator.mean, np.mean(changed, (0, 1, 2), keepdims=True)[0], rtol=1e-6)


def test_implied_and_missing_statistics_are_told():
    with pytest.warns(UserWarning, match="samplewise_center=True"):
        assert ImageDataGenerator(samplewise_std_normalization=True).samplewise_center
    with pytest.warns(UserWarning, match="which is set") as told:
        generator = ImageDataGenerator(featurewise_std_normalization=True, zca_whitening=True)
    assert len(told) == 2
    with pytest.warns(UserWarning, match="before fit"):
        generator.standardize(np.zeros((2, 2, 3)))


@pytest.mark.parametrize(("options", "message"), [
    ({"zoom_range": (1, 2, 3)}, "zoom_range"), ({"brightness_range": 0.3}, "brightness_range"),
    ({"data_format": "first"}, "data_format"), ({"validation_split": 1.5}, "validation_split"),
    ({"fill_mode": "mirror"}, "fill_mode"),
])
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator(**options)


def test_data_to_fit_need_four_axes_and_known_channels():
    with pytest.raises(ValueError, match="four axes"):
        ImageDataGenerator().fit(np.zeros((2, 2, 3)))
    with pytest.warns(UserWarning, match="channels"):
        ImageDataGenerator().fit(np.zeros((2, 2, 2, 5)))


def test_without_pillow_the_error_says_what_to_install(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"minikeras-multibackend\[images\]"):
        image.load_img("any.png")
