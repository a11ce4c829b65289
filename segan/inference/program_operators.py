"""The sealed list of what a stored program may call: functions without side effects, on tensors and sizes."""

import math
import operator
from collections.abc import Callable
from typing import Any

import torch

# Overloads of ATen. None of them writes to its arguments, shows memory that nobody has written, or touches anything but
# tensors.
ATEN = (
    # Convolutions, matrix products, attention
    "conv1d.default", "conv1d.padding", "conv2d.default", "conv2d.padding", "conv_transpose2d.input", "linear.default",
    "matmul.default", "bmm.default", "mm.default", "addmm.default", "baddbmm.default", "einsum.default",
    "scaled_dot_product_attention.default",
    # Norms, as they are in evaluation
    "_native_batch_norm_legit_no_training.default", "_native_batch_norm_legit.no_stats", "group_norm.default",
    "layer_norm.default", "rms_norm.default", "linalg_vector_norm.default",
    # Pooling and resizing
    "adaptive_avg_pool1d.default", "adaptive_avg_pool2d.default", "avg_pool2d.default", "max_pool2d.default",
    "max_pool2d_with_indices.default", "upsample_nearest2d.vec", "_upsample_nearest_exact2d.vec",
    "upsample_bilinear2d.vec", "upsample_bicubic2d.vec", "_upsample_bilinear2d_aa.vec", "_upsample_bicubic2d_aa.vec",
    "pixel_shuffle.default", "pixel_unshuffle.default", "im2col.default", "grid_sampler.default",
    # Activations
    "relu.default", "relu6.default", "leaky_relu.default", "elu.default", "selu.default", "celu.default",
    "prelu.default", "gelu.default", "silu.default", "mish.default", "hardtanh.default", "hardswish.default",
    "hardsigmoid.default", "sigmoid.default", "log_sigmoid.default", "tanh.default", "softplus.default", "glu.default",
    "softmax.int", "log_softmax.int",
    # Arithmetic
    "add.Tensor", "add.Scalar", "sub.Tensor", "sub.Scalar", "rsub.Scalar", "mul.Tensor", "mul.Scalar", "div.Tensor",
    "div.Scalar", "div.Tensor_mode", "floor_divide.default", "remainder.Tensor", "remainder.Scalar", "neg.default",
    "abs.default", "exp.default", "log.default", "sqrt.default", "rsqrt.default", "square.default",
    "reciprocal.default", "pow.Tensor_Scalar", "pow.Scalar", "pow.Tensor_Tensor", "sin.default", "cos.default",
    "erf.default", "floor.default", "ceil.default", "round.default", "clamp.default", "clamp_min.default",
    "clamp_max.default", "minimum.default", "maximum.default", "lerp.Scalar", "addcmul.default",
    # Comparisons and choices
    "eq.Tensor", "eq.Scalar", "ne.Tensor", "ne.Scalar", "ge.Tensor", "ge.Scalar", "gt.Tensor", "gt.Scalar", "le.Tensor",
    "le.Scalar", "lt.Tensor", "lt.Scalar", "__and__.Tensor", "__or__.Tensor", "logical_and.default",
    "logical_or.default", "logical_not.default", "bitwise_not.default", "where.self", "where.ScalarSelf",
    "where.ScalarOther", "where.Scalar", "masked_fill.Scalar",
    # Reductions
    "sum.default", "sum.dim_IntList", "mean.default", "mean.dim", "amax.default", "amin.default", "max.dim", "min.dim",
    "var.correction", "std.correction", "var_mean.correction", "cumsum.default", "argmax.default", "topk.default",
    # Shapes and places
    "view.default", "_unsafe_view.default", "reshape.default", "flatten.using_ints", "unflatten.int", "permute.default",
    "transpose.int", "t.default", "squeeze.default", "squeeze.dim", "squeeze.dims", "unsqueeze.default",
    "expand.default", "expand_as.default", "repeat.default", "repeat_interleave.self_int", "cat.default",
    "stack.default", "split.Tensor", "split_with_sizes.default", "chunk.default", "unbind.int", "select.int",
    "slice.Tensor", "narrow.default", "index_select.default", "index.Tensor", "gather.default", "scatter.src",
    "slice_scatter.default", "flip.default", "roll.default", "pad.default", "constant_pad_nd.default",
    "reflection_pad2d.default", "replication_pad2d.default", "alias.default", "clone.default", "contiguous.default",
    "movedim.int", "meshgrid.indexing", "tril.default", "triu.default",
    # New tensors, and sizes of old ones
    "arange.default", "arange.start", "arange.start_step", "linspace.default", "full.default", "full_like.default",
    "zeros.default", "zeros_like.default", "ones.default", "ones_like.default", "new_zeros.default", "new_ones.default",
    "new_full.default", "scalar_tensor.default", "_to_copy.default", "to.dtype", "sym_size.int", "sym_numel.default",
)  # fmt: skip

# Arithmetic with sizes: the function, how many numbers it takes, and whether it gives an integer: always, never, or
# (`None`) where all that it takes are integers.
SIZES: dict[str, tuple[Callable[..., Any], int, bool | None]] = {
    "operator.add": (operator.add, 2, None),
    "operator.sub": (operator.sub, 2, None),
    "operator.mul": (operator.mul, 2, None),
    "operator.neg": (operator.neg, 1, None),
    "operator.floordiv": (operator.floordiv, 2, None),
    "operator.mod": (operator.mod, 2, None),
    "operator.truediv": (operator.truediv, 2, False),
    "torch.sym_max": (torch.sym_max, 2, None),
    "torch.sym_min": (torch.sym_min, 2, None),
    "math.ceil": (math.ceil, 1, True),
    "math.floor": (math.floor, 1, True),
    "math.trunc": (math.trunc, 1, True),
}
