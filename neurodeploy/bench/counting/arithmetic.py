"""Arithmetic of operators that are no products with weights, per element.

An operator of `ELEMENTWISE` does it once per element of its output, one of `REDUCTIONS` once per
element of its input. Operators of `FREE` move data, make constants or flip signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """Operations per element. functions: exp, tanh, square roots and other library calls.

    A key of counts, known by identity: each value is made once.
    """

    multiplies: int = 0
    adds: int = 0
    compares: int = 0
    divisions: int = 0
    functions: int = 0


ADD: Final = Arithmetic(adds=1)
MULTIPLY: Final = Arithmetic(multiplies=1)
COMPARE: Final = Arithmetic(compares=1)
_DIVIDE: Final = Arithmetic(divisions=1)
_FUNCTION: Final = Arithmetic(functions=1)


def _each(names: str, arithmetic: Arithmetic) -> dict[str, Arithmetic]:
    return dict.fromkeys(names.split(), arithmetic)


ELEMENTWISE: Final[dict[str, Arithmetic]] = {
    **_each("add sub rsub cumsum", ADD),
    **_each("mul square", MULTIPLY),
    **_each("div reciprocal remainder fmod floor_divide", _DIVIDE),
    **_each("gt ge lt le eq ne maximum minimum sign heaviside isnan isinf", COMPARE),
    **_each("logical_and logical_or logical_xor logical_not", COMPARE),
    **_each("bitwise_and bitwise_or bitwise_xor bitwise_not __and__ __or__ __xor__", COMPARE),
    **_each("sqrt rsqrt exp exp2 expm1 log log2 log10 log1p pow sin cos tan atan erf", _FUNCTION),
    **_each("floor ceil round trunc bernoulli rand_like randn_like", _FUNCTION),
    "addcmul": Arithmetic(multiplies=2, adds=1),
    "addcdiv": Arithmetic(multiplies=1, adds=1, divisions=1),
    "lerp": Arithmetic(multiplies=1, adds=2),
}

ACTIVATIONS: Final[dict[str, Arithmetic]] = {
    **_each("relu clamp_min clamp_max threshold", COMPARE),
    **_each("clamp hardtanh", Arithmetic(compares=2)),
    **_each("sigmoid tanh", _FUNCTION),
    "leaky_relu": Arithmetic(multiplies=1, compares=1),
    "_prelu_kernel": Arithmetic(multiplies=1, compares=1),
    "elu": Arithmetic(multiplies=1, adds=1, compares=1, functions=1),
    "softplus": Arithmetic(adds=1, compares=1, functions=2),
    "silu": Arithmetic(multiplies=1, functions=1),
    "gelu": Arithmetic(multiplies=2, adds=1, functions=1),
    "mish": Arithmetic(multiplies=1, adds=1, functions=3),
    "log_sigmoid_forward": Arithmetic(adds=1, functions=2),
    "hardsigmoid": Arithmetic(multiplies=1, adds=1, compares=2),
    "hardswish": Arithmetic(multiplies=2, adds=1, compares=2),
    "glu": Arithmetic(multiplies=1, functions=1),
}

REDUCTIONS: Final[dict[str, Arithmetic]] = {
    **_each("sum mean", ADD),
    **_each("max min amax amin argmax argmin any all", COMPARE),
    "prod": MULTIPLY,
    **_each("var std var_mean std_mean", Arithmetic(multiplies=1, adds=3)),
    "linalg_vector_norm": Arithmetic(multiplies=1, adds=1),
}

SOFTMAX: Final = Arithmetic(adds=2, compares=1, divisions=1, functions=1)
SOFTMAXES: Final = frozenset({"_softmax", "_safe_softmax", "_log_softmax"})

BATCH_NORM: Final = Arithmetic(multiplies=1, adds=1)
BATCH_NORMS: Final = frozenset(
    {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"}
    | {"_native_batch_norm_legit", "_batch_norm_no_update", "miopen_batch_norm"}
)
"""In evaluation: one scale and one shift, worked out beforehand."""

NORM: Final = Arithmetic(multiplies=3, adds=4)
NORMS: Final = frozenset({"native_layer_norm", "native_group_norm", "_fused_rms_norm"})
"""Sum, centre, square and sum, scale, gain and shift."""

LSTM_GATES: Final = Arithmetic(multiplies=3, adds=5, functions=5)
"""Per unit and step of a fused LSTM: four gates summed, c = f c + i g, h = o tanh(c)."""

TABLE: Final[dict[str, tuple[str, Arithmetic, bool]]] = {
    **{name: ("elementwise", each, False) for name, each in ELEMENTWISE.items()},
    **{name: ("activation", each, False) for name, each in ACTIVATIONS.items()},
    **{name: ("reduction", each, True) for name, each in REDUCTIONS.items()},
    **dict.fromkeys(SOFTMAXES, ("softmax", SOFTMAX, False)),
    **dict.fromkeys(NORMS, ("norm", NORM, False)),
}
"""By name: the operation of the row, what an element costs, and whether one of the input."""

_MOVES_DATA: Final = """
    _conj _local_scalar_dense _reshape_alias _to_copy _unsafe_view abs alias arange as_strided
    broadcast_to cat chunk clone contiguous copy copy_ detach detach_ diag_embed
    diagonal embedding empty empty_like empty_strided equal expand eye fill fill_ flatten flip
    full full_like gather im2col index index_put index_put_ index_select is_same_size lift_fresh
    lift_fresh_copy linspace masked_fill masked_fill_ masked_select movedim narrow neg neg_
    new_empty new_empty_strided new_full new_ones new_zeros ones ones_like pad permute
    pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d repeat replication_pad1d
    replication_pad2d replication_pad3d reshape roll scalar_tensor scatter scatter_ select
    select_scatter set_ slice slice_scatter split split_copy split_with_sizes squeeze squeeze_
    stack t t_ to transpose transpose_ tril triu unbind unbind_copy unfold unsafe_split
    unsafe_split_with_sizes unsqueeze unsqueeze_ upsample_nearest1d upsample_nearest2d
    upsample_nearest3d view view_as_real where zero_ zeros zeros_like
"""
FREE: Final = frozenset(_MOVES_DATA.split())


def plain_name(name: str) -> str:
    """An operator's name without the mark of its in-place form."""
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name
