"""Convolutions after upsampling become transposed ones, and say the same."""

from itertools import product

import numpy as np
import pytest

from segan.inference.openvino_graph import merge_upsampling

openvino = pytest.importorskip("openvino")
_WAY = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
NEAREST = {"mode": "nearest", **_WAY}
RANDOM = np.random.default_rng(0)


def resize(features, size, **options):
    from openvino import opset13 as operations

    options = NEAREST | options
    return operations.interpolate(
        features, np.array(size), options.pop("mode"), "sizes", axes=np.array([2, 3]), **options
    )


def join(*features):
    from openvino import opset13 as operations

    return operations.concat(list(features), 1)


def convolve(features, weights, padding=1, stride=1):
    from openvino import opset13 as operations

    weights = operations.constant(weights) if isinstance(weights, np.ndarray) else weights
    edges = [padding, padding]
    return operations.relu(operations.convolution(features, weights, [stride, stride], edges, edges, [1, 1]))


def inputs(*shapes):
    from openvino import opset13 as operations

    return [operations.parameter(shape, dtype=np.float32) for shape in shapes]


def draw(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def run(model, arrays):
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(arrays)[0].copy()


def kinds(model):
    return [node.get_type_name() for node in model.get_ordered_ops()]


def check(result, parameters, merged, *, atol=2e-5):
    """Compare a model before and after; give its kinds of nodes."""
    model = openvino.Model([result], parameters, "before")
    arrays = [draw(*parameter.get_shape()) for parameter in parameters]
    expected = run(model, arrays)
    assert merge_upsampling(model) == merged
    found = run(model, arrays)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=atol)
    return kinds(model)


@pytest.mark.parametrize("missing", product((0, 1), repeat=2))
@pytest.mark.parametrize(("batch", "low"), [(1, (4, 5)), (3, (2, 2)), (1, (2, 7))])
def test_doubled_features_joined_with_others(batch, low, missing):
    height, width = (2 * side - without for side, without in zip(low, missing, strict=True))
    below, beside = inputs([batch, 6, *low], [batch, 3, height, width])
    merged = check(convolve(join(resize(below, (height, width)), beside), draw(4, 9, 3, 3)), [below, beside], 1)
    assert "ConvolutionBackpropData" in merged
    assert ("Interpolate" in merged) == any(missing)


def test_doubled_features_alone():
    (below,) = inputs([1, 5, 3, 4])
    merged = check(convolve(resize(below, (6, 8)), draw(2, 5, 3, 3)), [below], 1)
    assert "Convolution" not in merged


def test_doubled_features_in_any_place_and_number():
    parameters = inputs([1, 2, 8, 6], [1, 3, 4, 3], [1, 4, 8, 6], [1, 1, 4, 3], [1, 2, 8, 6])
    first, second, third, fourth, fifth = parameters
    up = [resize(part, (8, 6)) for part in (second, fourth)]
    joined = join(join(first, up[0]), third, join(up[1], fifth))
    assert check(convolve(joined, draw(3, 12, 3, 3)), parameters, 1).count("ConvolutionBackpropData") == 2


def test_upsampled_features_that_are_read_elsewhere_stay():
    from openvino import opset13 as operations

    (below,) = inputs([1, 3, 4, 4])
    up = resize(below, (8, 8))
    both = operations.add(convolve(up, draw(3, 3, 3, 3)), up)
    merged = check(convolve(both, draw(3, 3, 3, 3)), [below], 1)
    assert {"Interpolate", "ConvolutionBackpropData", "Convolution"} <= set(merged)


@pytest.mark.parametrize(
    "build",
    {
        "bilinear": lambda x: convolve(resize(x, (8, 8), mode="linear_onnx"), draw(2, 3, 3, 3)),
        "from centres": lambda x: convolve(
            resize(x, (7, 7), coordinate_transformation_mode="half_pixel"), draw(2, 3, 3, 3)
        ),
        "threefold": lambda x: convolve(resize(x, (12, 12)), draw(2, 3, 3, 3)),
        "padded": lambda x: convolve(resize(x, (10, 10), pads_begin=[0, 0, 1, 1]), draw(2, 3, 3, 3)),
        "one side": lambda x: convolve(resize(x, (8, 4)), draw(2, 3, 3, 3)),
        "large kernel": lambda x: convolve(resize(x, (8, 8)), draw(2, 3, 5, 5), padding=2),
        "no padding": lambda x: convolve(resize(x, (8, 8)), draw(2, 3, 3, 3), padding=0),
        "stride": lambda x: convolve(resize(x, (8, 8)), draw(2, 3, 3, 3), stride=2),
        "no upsampling": lambda x: convolve(x, draw(2, 3, 3, 3)),
    }.items(),
    ids=lambda build: build[0],
)
def test_all_else_stays(build):
    (below,) = inputs([1, 3, 4, 4])
    assert "ConvolutionBackpropData" not in check(build[1](below), [below], 0, atol=0)


def test_what_has_no_fixed_size_stays():
    from openvino import opset13 as operations

    (below,) = inputs([1, 3, -1, 4])
    double = operations.interpolate(
        below, np.array([2.0, 2.0], np.float32), "nearest", "scales", axes=np.array([2, 3]), **_WAY
    )
    model = openvino.Model([convolve(double, draw(2, 3, 3, 3))], [below], "before")
    assert merge_upsampling(model) == 0


def test_features_of_one_row_stay():
    (below,) = inputs([1, 3, 1, 4])
    check(convolve(resize(below, (2, 8)), draw(2, 3, 3, 3)), [below], 0)


def quantized_weights(outputs, channels):
    from openvino import opset13 as operations

    whole = operations.constant(RANDOM.integers(-127, 128, (outputs, channels, 3, 3)).astype(np.int8))
    scale = operations.constant(RANDOM.uniform(0.001, 0.01, (outputs, 1, 1, 1)).astype(np.float32))
    return operations.multiply(operations.convert(whole, "f32"), scale)


def quantize(features, most):
    from openvino import opset13 as operations

    low, high = (operations.constant(np.float32(value)) for value in (0, most))
    return operations.fake_quantize(features, low, high, low, high, 256)


@pytest.mark.parametrize("rounded_before", [False, True])
@pytest.mark.parametrize("size", [(10, 12), (9, 11)])
def test_8_bit_networks_stay_8_bit(size, rounded_before):
    below, beside = inputs([1, 6, 5, 6], [1, 3, *size])
    low = quantize(below, 2.0) if rounded_before else below
    joined = join(quantize(resize(low, size), 3.0), quantize(beside, 3.0))
    result = convolve(joined, quantized_weights(4, 9))
    model = openvino.Model([result], [below, beside], "before")
    arrays = [draw(1, 6, 5, 6), draw(1, 3, *size)]
    expected = run(model, arrays)
    assert merge_upsampling(model) == 1
    # The merged weights were rounded once more, and features rounded twice are now rounded once.
    np.testing.assert_allclose(run(model, arrays), expected, atol=0.03 * expected.max())
    (transposed,) = [node for node in model.get_ordered_ops() if node.get_type_name() == "ConvolutionBackpropData"]
    assert transposed.input_value(0).get_node().get_type_name() == "FakeQuantize"
    weights = transposed.input_value(1).get_node().input_value(0).get_node().input_value(0).get_node()
    assert weights.get_element_type().get_type_name() == "i8"
    assert np.abs(weights.get_data()).max() == 127
