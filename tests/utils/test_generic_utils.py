import numpy as np
import pytest

from minikeras.utils import generic_utils as utils


def add(x, y=2):
    return x + y


class Thing(utils.Configured):
    def __init__(self, size=1):
        self.size = size


class Nested(Thing):
    @classmethod
    def from_config(cls, config, custom_objects=None):
        thing = cls(config["size"])
        thing.seen = custom_objects
        return thing


def test_object_survives_its_config():
    config = utils.serialize_keras_object(Thing(3))
    assert config == {"class_name": "Thing", "config": {"size": 3}}
    assert utils.deserialize_keras_object(config, {"Thing": Thing}).size == 3


def test_function_is_serialized_as_its_name():
    assert utils.serialize_keras_object(add) == "add"
    assert utils.deserialize_keras_object("add", {"add": add}) is add
    assert utils.serialize_keras_object(None) is None


def test_class_by_its_name_is_made_without_arguments():
    assert utils.deserialize_keras_object("Thing", {"Thing": Thing}).size == 1


def test_custom_objects_come_first():
    config = {"class_name": "Thing", "config": {"size": 3}}
    assert isinstance(utils.deserialize_keras_object(config, {"Thing": Thing}, {"Thing": Nested}), Nested)


def test_from_config_is_given_the_custom_objects_if_it_takes_them():
    config = {"class_name": "Nested", "config": {"size": 3}}
    with utils.custom_object_scope({"global": 1}):
        made = utils.deserialize_keras_object(config, {"Nested": Nested}, {"local": 2})
    assert made.seen == {"global": 1, "local": 2}


def test_scope_ends():
    with utils.CustomObjectScope({"Thing": Thing}, {"add": add}):
        assert utils.deserialize_keras_object("add") is add
        assert utils.get_custom_objects()["Thing"] is Thing
    assert not utils.get_custom_objects()


def test_unknown_name_is_named_with_its_kind_and_a_guess():
    with pytest.raises(ValueError, match=r"Unknown widget: 'thing'\. Did you mean 'Thing'"):
        utils.deserialize_keras_object("thing", {"Thing": Thing}, printable_module_name="widget")


@pytest.mark.parametrize("wrong", [{"name": "Thing"}, 3, ["Thing"]])
def test_malformed_config_is_refused(wrong):
    with pytest.raises(ValueError):
        utils.deserialize_keras_object(wrong, {"Thing": Thing})


def test_stored_code_runs_only_where_it_is_allowed():
    dumped = utils.func_dump(add)
    with pytest.raises(ValueError, match="allow_stored_code"):
        utils.func_load(dumped)
    with utils.allow_stored_code():
        assert utils.func_load(dumped)(1) == 3
        assert utils.func_load(*dumped, globs={})(1, 1) == 2
    with pytest.raises(ValueError, match="allow_stored_code"):
        utils.func_load(dumped)


def test_closure_is_stored_with_its_values():
    def adder(n):
        return lambda x: x + n

    with utils.allow_stored_code():
        assert utils.func_load(utils.func_dump(adder(5)))(1) == 6


def test_damaged_code_is_refused():
    with utils.allow_stored_code(), pytest.raises(ValueError, match="custom_objects"):
        utils.func_load("AAAA")


def test_has_arg_looks_at_keywords():
    assert utils.has_arg(add, "y")
    assert not utils.has_arg(add, "z")
    assert utils.has_arg(lambda **kwargs: 0, "z", accept_all=True)
    assert not utils.has_arg(lambda **kwargs: 0, "z")
    assert not utils.has_arg(lambda *y: 0, "y")


def test_lists():
    assert utils.to_list(1) == [1]
    assert utils.to_list((1, 2)) == [(1, 2)]
    assert utils.to_list((1, 2), allow_tuple=True) == [1, 2]
    assert utils.unpack_singleton([1]) == 1
    assert utils.unpack_singleton([1, 2]) == [1, 2]
    assert utils.is_all_none([None, None])
    assert not utils.is_all_none([None, 0])


def test_object_list_uid_tells_objects_apart():
    a, b = object(), object()
    assert utils.object_list_uid([a, b]) == utils.object_list_uid([a, b]) != utils.object_list_uid([b, a])


def test_slice_arrays_by_range_and_by_indices():
    a, b = np.arange(6), np.arange(6) * 2
    np.testing.assert_array_equal(utils.slice_arrays([a, b, None], 1, 3)[:2], [[1, 2], [2, 4]])
    np.testing.assert_array_equal(utils.slice_arrays(a, np.array([4, 0])), [4, 0])
    assert utils.slice_arrays([a, None], 1, 3)[1] is None
    assert utils.slice_arrays(None) == [None]


def test_transpose_shape_moves_the_channels():
    assert utils.transpose_shape((None, 8, 9, 3), "channels_first", (1, 2)) == (None, 3, 8, 9)
    assert utils.transpose_shape([None, 8, 9, 3], "channels_last", (1, 2)) == [None, 8, 9, 3]
    with pytest.raises(ValueError, match="middle"):
        utils.transpose_shape((1, 2, 3), "middle", (1,))


def test_unexpected_keys_are_named():
    assert utils.check_for_unexpected_keys("losses", {"a": 1}, ["a", "b"]) is None
    with pytest.raises(ValueError, match=r"losses.*'c'.*'a', 'b'"):
        utils.check_for_unexpected_keys("losses", {"c": 1}, ["a", "b"])
