"""Stateless torch layers as NIR nodes: one rule per layer type, and the hints for those without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import nir
import numpy as np
from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.tracer.arrays import to_array, to_float64

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]
Layers = Sequence[Any]  # the layer and the batch norms that follow it


@dataclass(frozen=True)
class LayerRule:
    """`check(module, in_shape)` lists (rule, detail, hint). Shapes are without batch."""

    check: Callable[[Any, Shape], list[tuple[str, str, str]]]
    to_node: Callable[[Layers, Shape, Shape], nir.NIRNode]
    takes_batch_norm: bool = False


def rule_for(module: nn.Module) -> LayerRule | None:
    """The rule of the module's type; None if it has none or a subclass overrides forward()."""
    return next((LAYERS[t] for t in LAYERS if _behaves_as(module, t)), None)


def is_identity(module: nn.Module) -> bool:
    """Whether the module passes its input on unchanged when it is not training."""
    return any(_behaves_as(module, t) for t in IDENTITIES)


def is_batch_norm(module: nn.Module) -> bool:
    """Whether it is a batch norm, which is folded into the layer before it."""
    return any(_behaves_as(module, t) for t in (nn.BatchNorm1d, nn.BatchNorm2d))


def _behaves_as(module: nn.Module, kind: type[nn.Module]) -> bool:
    return isinstance(module, kind) and type(module).forward is kind.forward


def check(module: nn.Module, where: str, in_shape: Shape) -> list[Diagnostic]:
    """Why this layer has no exact NIR node; empty if it has one."""
    rule = rule_for(module)
    if rule is None:
        name = type(module).__name__
        hint = next((h for t, h in HINTS.items() if name.startswith(t)), "")
        return [Diagnostic(where, "layer", f"{name} has no exact form in NIR", hint)]
    return [Diagnostic(where, *problem) for problem in rule.check(module, in_shape)]


def check_batch_norm(module: Any, where: str, follows_linear: bool) -> list[Diagnostic]:
    """A batch norm can be folded if it has running statistics and follows a Linear or Conv."""
    problems = []
    if module.running_mean is None or module.running_var is None:
        detail = "keeps no running statistics, so that its output depends on the batch"
        hint = "use track_running_stats=True"
        problems.append(Diagnostic(where, "batch-norm-statistics", detail, hint))
    if not follows_linear:
        detail = f"{type(module).__name__} does not follow a Linear or Conv to be folded into"
        hint = "put it right behind a Linear or Conv"
        problems.append(Diagnostic(where, "batch-norm-place", detail, hint))
    return problems


def affine(layers: Layers) -> tuple[Array, Array | None]:
    """Weight and bias of a linear layer with its batch norms folded in.

    w' = w s and b' = (b - mean) s + shift with s = scale / sqrt(var + eps). Unfolded they keep the
    module's precision; folded they are float64.
    """
    first, *norms = layers
    weight = to_array(first.weight)
    bias = None if first.bias is None else to_array(first.bias)
    for norm in norms:
        factor = 1.0 / np.sqrt(to_float64(norm.running_var) + norm.eps)
        shift = np.zeros_like(factor)
        if norm.affine:
            factor = factor * to_float64(norm.weight)
            shift = to_float64(norm.bias)
        offset = -to_float64(norm.running_mean)
        bias = ((0.0 if bias is None else bias.astype(np.float64)) + offset) * factor + shift
        weight = weight.astype(np.float64) * factor.reshape(-1, *[1] * (weight.ndim - 1))
    return weight, bias


def has_bias(layers: Layers) -> bool:
    """Whether the layers answer zeros with something else than zeros."""
    return len(layers) > 1 or getattr(layers[0], "bias", None) is not None


def _check_linear(module: Any, in_shape: Shape) -> list[tuple[str, str, str]]:
    if len(in_shape) == 1:
        return []
    detail = f"Linear on the last axis of {in_shape}; NIR's Affine takes a vector"
    return [("linear-axes", detail, "put a Flatten before it, or use Conv1d with kernel_size=1")]


def _check_conv(module: Any, in_shape: Shape) -> list[tuple[str, str, str]]:
    if module.padding_mode == "zeros":
        return []
    detail = f"padding_mode={module.padding_mode!r}; NIR pads with zeros"
    return [("padding-mode", detail, "use padding_mode='zeros'")]


def _check_pool(module: Any, in_shape: Shape) -> list[tuple[str, str, str]]:
    found = []
    geometry = _pool_geometry(module)
    gaps = [(n + 2 * p - k) % s for n, k, s, p in zip(in_shape[1:], *geometry, strict=True)]
    if module.ceil_mode and any(gaps):
        detail = f"ceil_mode=True on {in_shape[1:]} averages over windows that hang out"
        found.append(("ceil-mode", detail, "set ceil_mode=False"))
    if not module.count_include_pad and any(geometry[2]):
        detail = "count_include_pad=False divides by less at the border"
        found.append(("pool-border", detail, "set count_include_pad=True, or padding=0"))
    if module.divisor_override is not None:
        detail = f"divisor_override={module.divisor_override} is not an average"
        found.append(("divisor", detail, "leave it out and scale the next layer's weights"))
    return found


def _no_check(module: Any, in_shape: Shape) -> list[tuple[str, str, str]]:
    return []


def _linear(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    weight, bias = affine(layers)
    return nir.Linear(weight=weight) if bias is None else nir.Affine(weight=weight, bias=bias)


def _conv(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    module = layers[0]
    weight, bias = affine(layers)
    bias = np.zeros(weight.shape[0], dtype=weight.dtype) if bias is None else bias
    padding = conv_padding(module)
    if isinstance(module, nn.Conv1d):
        return nir.Conv1d(
            input_shape=in_shape[1],
            weight=weight,
            stride=int(module.stride[0]),
            padding=padding if isinstance(padding, str) else padding[0],
            dilation=int(module.dilation[0]),
            groups=module.groups,
            bias=bias,
        )
    return nir.Conv2d(
        input_shape=in_shape[1:],
        weight=weight,
        stride=tuple(int(s) for s in module.stride),
        padding=padding,
        dilation=tuple(int(d) for d in module.dilation),
        groups=module.groups,
        bias=bias,
    )


def conv_padding(module: Any) -> str | tuple[int, ...]:
    """Padding per axis; "same" only where it is one more on one side than on the other."""
    if module.padding == "valid":
        return (0,) * len(module.kernel_size)
    if module.padding != "same":
        return tuple(int(p) for p in module.padding)
    total = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    return "same" if any(n % 2 for n in total) else tuple(n // 2 for n in total)


def _pool_geometry(module: Any) -> tuple[tuple[int, int], ...]:
    values = (module.kernel_size, module.stride or module.kernel_size, module.padding)
    pairs = [(v, v) if isinstance(v, int) else (int(v[0]), int(v[-1])) for v in values]
    return tuple(pairs)


def _avg_pool(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    kernel, stride, padding = (np.array(v) for v in _pool_geometry(layers[0]))
    return nir.AvgPool2d(kernel_size=kernel, stride=stride, padding=padding)


def _flatten(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    """The one run of axes whose product is an axis of the output."""
    start = next(i for i, n in enumerate(out_shape) if in_shape[i] != n or i == len(out_shape) - 1)
    end = start + len(in_shape) - len(out_shape)
    last = -1 if end == len(in_shape) - 1 else end
    return nir.Flatten(input_type={"input": np.array(in_shape)}, start_dim=start, end_dim=last)


def merges_axes(in_shape: Shape, out_shape: Shape) -> bool:
    """Whether the reshape makes one axis out of neighbouring ones and leaves the others alone."""
    merged = len(in_shape) - len(out_shape) + 1
    if merged < 2:
        return False
    return any(
        (*in_shape[:i], prod(in_shape[i : i + merged]), *in_shape[i + merged :]) == out_shape
        for i in range(len(out_shape))
    )


LAYERS: Final[Mapping[type[nn.Module], LayerRule]] = {
    nn.Linear: LayerRule(_check_linear, _linear, takes_batch_norm=True),
    nn.Conv1d: LayerRule(_check_conv, _conv, takes_batch_norm=True),
    nn.Conv2d: LayerRule(_check_conv, _conv, takes_batch_norm=True),
    nn.AvgPool2d: LayerRule(_check_pool, _avg_pool),
    nn.Flatten: LayerRule(_no_check, _flatten),
}

IDENTITIES: Final[tuple[type[nn.Module], ...]] = (
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)

_RECURRENT = "use Leaky with a Linear that feeds back the previous step's spikes"
HINTS: Final[Mapping[str, str]] = {
    "MaxPool": "use AvgPool2d, or a strided Conv",
    "AdaptiveAvgPool": "use AvgPool2d with the kernel that this comes to",
    "AvgPool1d": "use a Conv1d with constant weights",
    "LayerNorm": "use a batch norm, which is folded into the weights",
    "GroupNorm": "use a batch norm, which is folded into the weights",
    "InstanceNorm": "use a batch norm, which is folded into the weights",
    "BatchNormTT": "use a batch norm that is the same at every step",
    "ReLU": "use a spiking neuron; an activation between layers has no spikes",
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "RNN": _RECURRENT,
    "RLeaky": _RECURRENT,
    "RSynaptic": "use Synaptic with a Linear that feeds back the previous step's spikes",
    "Lapicque": "use Leaky with beta = 1 - dt / (R C)",
    "Alpha": "use Synaptic",
    "SLSTM": _RECURRENT,
    "SConv2dLSTM": _RECURRENT,
    "ConvTranspose": "use a Conv",
    "Embedding": "feed the embedded values as the network's input",
    "MultiheadAttention": "NIR has no product of two signals",
}
