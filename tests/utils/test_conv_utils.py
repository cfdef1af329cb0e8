"""Convolution arithmetic."""
import numpy as np
import pytest

from minikeras.utils import conv_utils


@pytest.mark.parametrize(("padding", "lengths"), [("valid", 8), ("same", 10), ("causal", 10), ("full", 12)])
def test_output_length_by_padding(padding, lengths):
    assert conv_utils.conv_output_length(10, 3, padding, 1) == lengths


def test_output_length_counts_strides_and_dilation():
    assert conv_utils.conv_output_length(10, 3, "valid", 2, dilation=2) == 3
    assert conv_utils.conv_output_length(None, 3, "valid", 2) is None


@pytest.mark.parametrize("padding", ["valid", "full"])
def test_input_length_inverts_output_length(padding):
    for length in range(1, 8):
        shortest = conv_utils.conv_input_length(length, 3, padding, 2)
        assert conv_utils.conv_output_length(shortest, 3, padding, 2) == length


@pytest.mark.parametrize("output_padding", [None, 0, 1])
def test_deconvolution_gives_a_length_that_the_convolution_takes_back(output_padding):
    length = conv_utils.deconv_length(5, 2, 3, "valid", output_padding, dilation=1)
    assert conv_utils.conv_output_length(length, 3, "valid", 2) == 5


def test_deconv_length_of_same_padding_is_length_times_stride():
    assert conv_utils.deconv_length(5, 3, 4, "same", None) == 15


def test_normalize_tuple_repeats_an_integer_and_checks_a_tuple():
    assert conv_utils.normalize_tuple(3, 2, "strides") == (3, 3)
    assert conv_utils.normalize_tuple([1, np.int64(2)], 2, "strides") == (1, 2)
    for wrong in ((1,), (1, 2, 3), ("a", "b"), None, 1.5):
        with pytest.raises(ValueError, match="strides"):
            conv_utils.normalize_tuple(wrong, 2, "strides")


def test_normalize_padding_takes_any_case_and_names_what_is_allowed():
    assert conv_utils.normalize_padding("SAME") == "same"
    with pytest.raises(ValueError, match="causal"):
        conv_utils.normalize_padding("wide")


def test_convert_kernel_turns_the_spatial_axes_and_is_its_own_inverse():
    kernel = np.random.random((3, 4, 2, 5))
    turned = conv_utils.convert_kernel(kernel)
    np.testing.assert_array_equal(turned[0, 0], kernel[2, 3])
    np.testing.assert_array_equal(conv_utils.convert_kernel(turned), kernel)
    with pytest.raises(ValueError, match="3 to 5 axes"):
        conv_utils.convert_kernel(np.zeros((2, 2)))
