"""Changes to an OpenVINO model for images of one size: from pixels to masks, and in less time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_INT8_MOST = 127.0


def read_pixels(model: Any) -> Any:
    """Let a model take the pixels of an image, and give the class of each.

    Args:
        model: From `float32 [1, 3, h, w]` to probabilities `[1, K, h, w]`.

    Returns:
        A model from pixels `uint8 [1, h, w, 3]`, and the mean and the standard deviation that normalise them, both
        `float32 [3]`, to the index of the highest plane at each pixel, the first among equals, `uint8 [1, 1, h, w]`,
        and the mean of its value, `float32 [1, 1]`.
    """
    from openvino import Model
    from openvino import opset13 as operations

    (before,) = model.get_parameters()
    height, width = list(before.get_shape())[2:]
    pixels = operations.parameter([1, height, width, 3], dtype=np.uint8, name="pixels")
    mean, std = (operations.parameter([3], dtype=np.float32, name=name) for name in ("mean", "std"))
    values = operations.divide(operations.subtract(operations.convert(pixels, "f32"), mean), std)
    image = operations.transpose(values, operations.constant([0, 3, 1, 2], dtype=np.int64))
    for reader in before.output(0).get_target_inputs():
        reader.replace_source_output(image.output(0))
    probabilities = model.outputs[0].get_node().input_value(0)
    axis, count = 1, operations.constant(1, dtype=np.int32)
    highest = operations.topk(probabilities, count, axis, "max", "value", index_element_type="i32", stable=True)
    # Row by row: a sum of all values would lose digits.
    rows, columns = (operations.constant([side], dtype=np.int64) for side in (2, 3))
    probability = operations.reduce_mean(operations.reduce_mean(highest.output(0), columns), rows)
    mask = operations.convert(highest.output(1), "u8")
    return Model([mask.output(0), probability.output(0)], [pixels, mean, std], "pixels")


def merge_upsampling(model: Any) -> int:
    """Merge each 3x3 convolution with the nearest-neighbour upsampling by 2 before it.

    Upsampling by 2 is a transposed convolution of stride 2 with a 2x2 kernel of ones; with the convolution after it, it
    is one of stride 2 with a 4x4 kernel, which takes 4 products where there were 9, and the upsampled features are
    never written (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts": to resize and convolve is to tie the
    weights of a transposed convolution). Features that are joined with the upsampled ones, as in a U-Net's decoder,
    keep their part of the convolution, and the two are added.

    Args:
        model: Its sizes are fixed; it is changed in place.

    Returns:
        How many convolutions were merged.
    """
    merged = 0
    for node in model.get_ordered_ops():
        weights = _weights_of(node)
        if weights is None or node.input_value(0).get_partial_shape().is_dynamic:
            continue
        parts = _joined(node.input_value(0))
        sources = [_before_doubling(part) for part in parts]
        if any(source is not None for source in sources):
            total = _sum_of_parts(parts, sources, weights)
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(total)
            merged += 1
    model.validate_nodes_and_infer_types()
    return merged


@dataclass(frozen=True)
class _Weights:
    """Weights of a 3x3 convolution.

    Args:
        values: `float32 [O, I, 3, 3]`; whole numbers where there is a scale.
        scale: `float32 [O, 1, 1, 1]` of 8-bit weights; `None`: they are not.
    """

    values: NDArray[np.float32]
    scale: NDArray[np.float32] | None

    def of_inputs(self, places: Sequence[slice]) -> "_Weights":
        """Take some of the input channels."""
        return _Weights(np.concatenate([self.values[:, place] for place in places], axis=1), self.scale)

    def constant(self) -> Any:
        """Write them into a graph, as a convolution reads them."""
        return _constant(self.values, self.scale)

    def transposed(self) -> Any:
        """Write them merged with upsampling by 2, `[I, O, 4, 4]`, as a transposed convolution reads them."""
        rows = _sum_of_neighbours(self.values.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], axis=2)
        kernel, scale = _sum_of_neighbours(rows, axis=3), self.scale
        if scale is not None:
            # Sums of up to four 8-bit numbers are rounded to 8 bits again.
            step = np.maximum(np.abs(kernel).max(axis=(0, 2, 3), keepdims=True) / _INT8_MOST, np.float32(1e-12))
            kernel, scale = np.rint(kernel / step), scale.transpose(1, 0, 2, 3) * step
        return _constant(kernel, scale)


def _sum_of_neighbours(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Add each value to the next one along an axis, with zeros around them.

    >>> _sum_of_neighbours(np.array([1, 2, 3], np.float32), axis=0).tolist()
    [1.0, 3.0, 5.0, 3.0]
    """
    edges = [(0, 0)] * values.ndim
    before, after = ([*edges[:axis], edge, *edges[axis + 1 :]] for edge in ((1, 0), (0, 1)))
    sums = np.pad(values, after)
    sums += np.pad(values, before)
    return sums


def _constant(values: NDArray[np.float32], scale: NDArray[np.float32] | None) -> Any:
    from openvino import opset13 as operations

    if scale is None:
        return operations.constant(np.ascontiguousarray(values)).output(0)
    whole = operations.constant(np.ascontiguousarray(values.astype(np.int8)))
    return operations.multiply(operations.convert(whole, "f32"), operations.constant(scale)).output(0)


def _weights_of(node: Any) -> _Weights | None:
    """Read the weights of a 3x3 convolution that keeps the size; `None`: it is something else."""
    if node.get_type_name() != "Convolution":
        return None
    facts = node.get_attributes()
    same = all(list(facts[name]) == [1, 1] for name in ("strides", "dilations", "pads_begin", "pads_end"))
    weights = _stored(node.input_value(1).get_node()) if same and facts["auto_pad"] == "explicit" else None
    return weights if weights is not None and weights.values.shape[2:] == (3, 3) else None


def _stored(node: Any) -> _Weights | None:
    """Read weights that are stored as float32, or as 8-bit integers with a scale for each output channel."""
    if _is_constant(node, "f32"):
        return _Weights(node.get_data(), None)
    if node.get_type_name() == "Multiply":
        whole, scale = (node.input_value(place).get_node() for place in (0, 1))
        if whole.get_type_name() == "Convert" and _is_constant(scale, "f32"):
            values, steps = whole.input_value(0).get_node(), scale.get_data()
            if _is_constant(values, "i8") and steps.ndim == 4:
                return _Weights(values.get_data().astype(np.float32), steps)
    return None


def _is_constant(node: Any, kind: str) -> bool:
    return bool(node.get_type_name() == "Constant" and node.get_element_type().get_type_name() == kind)


def _joined(features: Any) -> list[Any]:
    """List what is joined along the channels."""
    node = features.get_node()
    if node.get_type_name() == "Concat" and node.get_attributes()["axis"] == 1:
        return [part for value in node.input_values() for part in _joined(value)]
    return [features]


def _before_doubling(features: Any) -> Any:
    """Find the features whose every row and column was repeated, the last ones perhaps not; `None`: there are none."""
    from openvino import opset13 as operations

    node = features.get_node()
    rounding = node if node.get_type_name() == "FakeQuantize" else None
    if rounding is not None:
        node = rounding.input_value(0).get_node()
    if not _repeats(node):
        return None
    source = node.input_value(0)
    if source.get_partial_shape().is_dynamic:
        return None
    before, after = list(source.get_shape()), list(node.get_output_shape(0))
    sides = zip(before[2:], after[2:], strict=True)
    if before[:2] != after[:2] or any(low < 2 or side not in {2 * low, 2 * low - 1} for low, side in sides):
        return None
    # What was rounded to 8 bits already is not rounded to others.
    if rounding is None or source.get_node().get_type_name() == "FakeQuantize":
        return source
    ranges = rounding.input_values()[1:]
    return operations.fake_quantize(source, *ranges, levels=rounding.get_attributes()["levels"]).output(0)


def _repeats(node: Any) -> bool:
    """Tell whether a node resizes by `floor(place / factor)` alone."""
    if node.get_type_name() != "Interpolate":
        return False
    facts = node.get_attributes()
    way = [facts.get(name) for name in ("mode", "coordinate_transformation_mode", "nearest_mode")]
    return way == ["nearest", "asymmetric", "floor"] and not any([*facts["pads_begin"], *facts["pads_end"]])


def _sum_of_parts(parts: Sequence[Any], sources: Sequence[Any], weights: _Weights) -> Any:
    """Convolve each part, those that were doubled merged with that."""
    from openvino import opset13 as operations

    ends = np.cumsum([part.get_shape()[1] for part in parts]).tolist()
    places = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    terms = [
        _convolve_doubled(source, list(part.get_shape())[2:], weights.of_inputs([place]))
        for part, source, place in zip(parts, sources, places, strict=True)
        if source is not None
    ]
    rest = [(part, place) for part, source, place in zip(parts, sources, places, strict=True) if source is None]
    if rest:
        joined = operations.concat([part for part, _ in rest], 1).output(0) if len(rest) > 1 else rest[0][0]
        terms.append(_convolve(joined, weights.of_inputs([place for _, place in rest]), [1, 1], [1, 1]))
    total = terms[0]
    for term in terms[1:]:
        total = operations.add(total, term).output(0)
    return total


def _convolve(features: Any, weights: _Weights, before: list[int], after: list[int]) -> Any:
    """Convolve with zeros around: so many before the first row and column, and after the last ones."""
    from openvino import opset13 as operations

    return operations.convolution(features, weights.constant(), [1, 1], before, after, [1, 1]).output(0)


def _convolve_doubled(source: Any, size: Sequence[int], weights: _Weights) -> Any:
    """Double features to `size`, where a last row or column may be missing, and convolve them.

    Where one is missing, the row or column before it has zeros beside it, as no transposed convolution knows; it is
    convolved by itself.
    """
    from openvino import opset13 as operations

    rows, columns = list(source.get_shape())[2:]
    no_row, no_column = (2 * low - side for low, side in zip((rows, columns), size, strict=True))
    ends = [1 + 2 * no_row, 1 + 2 * no_column]
    kernel = weights.transposed()
    result = operations.convolution_backprop_data(
        source, kernel, [2, 2], pads_begin=[1, 1], pads_end=ends, dilations=[1, 1]
    ).output(0)
    if no_column:
        strip = _resize(_cut(source, 3, columns - 2), [size[0], 2])
        result = operations.concat([result, _convolve(strip, weights, [1, 0], [1 - no_row, 1])], 3).output(0)
    if no_row:
        strip = _resize(_cut(source, 2, rows - 2), [2, size[1]])
        result = operations.concat([result, _convolve(strip, weights, [0, 1], [1, 1])], 2).output(0)
    return result


def _cut(features: Any, axis: int, first: int) -> Any:
    """Take what lies at `first` and behind it."""
    from openvino import opset13 as operations

    start, stop, step, axes = (operations.constant([value], dtype=np.int64) for value in (first, first + 2, 1, axis))
    return operations.slice(features, start, stop, step, axes).output(0)


def _resize(features: Any, size: Sequence[int]) -> Any:
    """Repeat rows or columns."""
    from openvino import opset13 as operations

    return operations.interpolate(
        features,
        operations.constant(list(size), dtype=np.int64),
        "nearest",
        "sizes",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=operations.constant([2, 3], dtype=np.int64),
    ).output(0)
