"""The torch functions between layers that the tracer understands, and hints for those it does not.

A function is understood if it means the same in a graph. Its rule returns the tensors to follow
on, or why it can't.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from neurodeploy.frontends.tracer import arithmetic, functional, stepping
from neurodeploy.frontends.tracer.rearranging import rearrange
from neurodeploy.frontends.tracer.values import Call, Followed, Refused, Rule, Signals


def _copy(signals: Signals, call: Call) -> Followed | Refused:
    value, out = signals.lookup(call.args[0]), call.out
    if value is None:
        return Refused("takes the signal in another place than the first")
    if not isinstance(out, Tensor):
        return []  # x.type() asks for a name
    if not out.is_floating_point() or out.element_size() < call.args[0].element_size():
        return Refused(f"rounds values to {out.dtype}", "keep the tensor's precision")
    return [(out, value)]


def _pad(signals: Signals, call: Call) -> Followed | Refused:
    given = {"mode": "constant", "value": None, **call.named("input pad mode value")}
    if given["mode"] == "constant" and given["value"] not in (None, 0):
        return Refused(f"pads with {given['value']}", "NIR pads with zeros")
    return rearrange(signals, call)


def _interpolate(signals: Signals, call: Call) -> Followed | Refused:
    given = {"mode": "nearest", **call.named("input size scale_factor mode")}
    if not str(given["mode"]).startswith("nearest"):
        return Refused(f"mixes neighbours ({given['mode']})", "interpolate outside of the module")
    return rearrange(signals, call)


_COPIES = (
    "detach clone contiguous alias cpu to type type_as float double requires_grad_ data detach_"
)
_MOVES = (
    "flatten view reshape view_as reshape_as squeeze unsqueeze ravel unflatten "
    "permute transpose t T mT swapaxes swapdims movedim moveaxis "
    "cat concat concatenate hstack dstack chunk split tensor_split split_with_sizes narrow "
    "index_select flip fliplr flipud roll rot90 expand expand_as broadcast_to repeat tile "
    "repeat_interleave pixel_shuffle pixel_unshuffle channel_shuffle "
    "zeropad1d zeropad2d constantpad1d constantpad2d reflectionpad1d reflectionpad2d "
    "replicationpad1d replicationpad2d circularpad1d circularpad2d pixelshuffle pixelunshuffle "
    "channelshuffle"
)

RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(_COPIES.split(), _copy),
    **dict.fromkeys(_MOVES.split(), rearrange),
    **dict.fromkeys(["dropout", "dropout1d", "dropout2d", "alpha_dropout"], functional.dropout),
    **dict.fromkeys(["add", "__add__", "__radd__"], arithmetic.plus),
    **dict.fromkeys(["sub", "subtract", "__sub__"], arithmetic.minus),
    **dict.fromkeys(["rsub", "__rsub__"], arithmetic.reverse_minus),
    **dict.fromkeys(["neg", "negative", "__neg__"], arithmetic.negative),
    **dict.fromkeys(["mul", "multiply", "__mul__", "__rmul__"], arithmetic.times),
    **dict.fromkeys(["div", "divide", "true_divide", "__truediv__"], arithmetic.divided),
    **dict.fromkeys(["matmul", "mm", "__matmul__"], arithmetic.matmul),
    "addmm": arithmetic.addmm,
    "linear": functional.linear,
    "conv1d": functional.convolution,
    "conv2d": functional.convolution,
    "avg_pool1d": functional.average_pool,
    "avg_pool2d": functional.average_pool,
    "adaptive_avg_pool1d": functional.adaptive_pool,
    "adaptive_avg_pool2d": functional.adaptive_pool,
    "batch_norm": functional.batch_norm,
    "mean": functional.mean,
    "pad": _pad,
    "interpolate": _interpolate,
    "__getitem__": stepping.take,
    "select": stepping.select,
    "unbind": stepping.unbind,
    "stack": stepping.stack,
    "__setitem__": stepping.store,
}

# rules that hold for `x += y` and x.add_(y), too
IN_PLACE: Final = frozenset(["add", "sub", "mul", "div", "neg", "subtract", "multiply", "divide"])

# what the code asks a tensor about itself: no signal flows
_ABOUT = (
    "shape size dim ndim ndimension numel nelement __len__ stride layout is_contiguous "
    "dtype is_floating_point is_complex element_size device is_cuda get_device is_sparse "
    "is_quantized requires_grad is_leaf grad_fn names is_tensor __hash__ __repr__ itemsize nbytes "
    "zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty"
)
QUESTIONS: Final = frozenset(_ABOUT.split())

# what asks every tensor but the first for its shape or type alone
LIKE: Final = frozenset(["to", "type_as", "view_as", "reshape_as", "expand_as"])

# what hands a signal's values to Python, where the code may decide by them
_VALUES = (
    "item __bool__ __float__ __int__ __index__ __complex__ tolist numpy __array__ __dlpack__ "
    "__contains__ __format__ equal allclose is_nonzero data_ptr storage untyped_storage"
)
READS: Final = frozenset(_VALUES.split())
READS_HINT: Final = "decide by constants only: a graph is the same for all data"

# what is different in every run
_RANDOM = (
    "rand randn randint randperm rand_like randn_like randint_like normal bernoulli poisson "
    "multinomial normal_ uniform_ bernoulli_ random_ exponential_ geometric_ log_normal_ cauchy_"
)
RANDOM: Final = frozenset(_RANDOM.split())

_OUTSIDE = "leave it out: apply it to the result outside the module"
_COMPARING = "gt ge lt le eq ne __gt__ __ge__ __lt__ __le__ __eq__ __ne__ where"
_COMPARED = "use a spiking neuron to compare, or a constant mask"
FUNCTION_HINTS: Final[Mapping[str, str]] = {
    "relu": "use a spiking neuron between layers",
    "max_pool2d": "use AvgPool2d, or a strided Conv",
    "max_pool1d": "use AvgPool1d, or a strided Conv",
    "sum": "return the stacked steps and sum outside the module",
    "mean": "return the stacked steps and average outside the module",
    "softmax": _OUTSIDE,
    "log_softmax": _OUTSIDE,
    "argmax": _OUTSIDE,
    "einsum": "use nn.Linear as a layer of the module",
    "conv_transpose1d": "use a Conv",
    "conv_transpose2d": "use a Conv",
    **dict.fromkeys(RANDOM, "encode spikes, or add noise, outside the module"),
    "permute": "give the input as (T, B, ...), and channels first",
    "transpose": "give the input as (T, B, ...), and channels first",
    **dict.fromkeys(_COMPARING.split(), _COMPARED),
}


def in_place(name: str) -> str:
    """ "add" of "add_" and "__iadd__"; empty if the name is none of IN_PLACE."""
    plain = name.removeprefix("__i").removesuffix("__") if name.startswith("__i") else name[:-1]
    changes = name.endswith("_") and plain in IN_PLACE
    return plain if changes else ""


def refusal_hint(name: str, refused: Any) -> str:
    return str(refused.hint or FUNCTION_HINTS.get(name, FUNCTION_HINTS.get(name.rstrip("_"), "")))
