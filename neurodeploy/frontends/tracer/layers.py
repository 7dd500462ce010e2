"""Stateless layers as NIR nodes: one rule per layer type, and the hints for those without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import nir
from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.tracer import linear_layers, pooling, wiring
from neurodeploy.frontends.tracer.linear_layers import Layers, is_channelwise
from neurodeploy.frontends.tracer.operations import Scaling, Shape, Shift, Wiring
from neurodeploy.frontends.tracer.own_code import changed_methods

Problems = list[tuple[str, str, str]]


@dataclass(frozen=True)
class LayerRule:
    """`check(module, in_shape)` lists (rule, detail, hint). Shapes are without batch.

    `is_linear`: batch norm and what else acts channel by channel goes into its weight and bias.
    """

    check: Callable[[Any, Shape], Problems]
    to_node: Callable[[Layers, Shape, Shape], nir.NIRNode]
    is_linear: bool = False


def rule_for(module: nn.Module) -> LayerRule | None:
    """The rule of the module's type; None if it has none or computes something else."""
    return next((LAYERS[t] for t in LAYERS if _behaves_as(module, t)), None)


def is_identity(module: nn.Module) -> bool:
    """Whether the module passes its input on unchanged when it is not training."""
    return any(_behaves_as(module, t) for t in IDENTITIES)


def rearranges(module: nn.Module) -> bool:
    """Whether the module only moves values, or puts zeros beside them."""
    return any(_behaves_as(module, t) for t in REARRANGING)


def _behaves_as(module: nn.Module, kind: type[nn.Module]) -> bool:
    return isinstance(module, kind) and not changed_methods(module, kind)


def check(module: nn.Module, where: str, in_shape: Shape) -> list[Diagnostic]:
    """Why this layer has no exact NIR node; empty if it has one."""
    rule = rule_for(module)
    if rule is None:
        name = type(module).__name__
        hint = next((h for t, h in HINTS.items() if name.startswith(t)), "")
        return [Diagnostic(where, "layer", f"{name} has no exact form in NIR", hint)]
    return [Diagnostic(where, *problem) for problem in rule.check(module, in_shape)]


def _check_linear(module: Any, in_shape: Shape) -> Problems:
    if len(in_shape) == 1:
        return []
    detail = f"Linear on the last axis of {in_shape}; NIR's Affine takes a vector"
    return [("linear-axes", detail, "put a Flatten before it, or use Conv1d with kernel_size=1")]


def _check_conv(axes: int) -> Callable[[Any, Shape], Problems]:
    def problems(module: Any, in_shape: Shape) -> Problems:
        found = pooling.check_axes(module, in_shape, axes)
        if module.padding_mode != "zeros":
            detail = f"padding_mode={module.padding_mode!r}; NIR pads with zeros"
            found.append(("padding-mode", detail, "use padding_mode='zeros'"))
        return found

    return problems


def _check_batch_norm(module: Any, in_shape: Shape) -> Problems:
    if module.running_mean is not None and module.running_var is not None:
        return []
    detail = "keeps no running statistics, so that its output depends on the batch"
    return [("batch-norm-statistics", detail, "use track_running_stats=True")]


def _check_shift(module: Shift, in_shape: Shape) -> Problems:
    if len(in_shape) == 1 or (len(in_shape) <= 3 and is_channelwise(module, in_shape)):
        return []
    detail = f"{module.function}() adds a constant that differs within a channel of {in_shape}"
    return [(module.function, detail, "NIR has one bias per channel: flatten first")]


def _check_wiring(module: Wiring, in_shape: Shape) -> Problems:
    if wiring.factors(module) is not None:
        return []
    detail = f"{module.function}() makes {module.index.shape} of {in_shape}, as no NIR node does"
    hint = "NIR flattens, picks channels, cuts out and pads windows, and permutes vectors"
    return [(module.function, detail, hint)]


def _no_check(module: Any, in_shape: Shape) -> Problems:
    return []


def _wired(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    return wiring.to_node(layers[0])


def _scaled(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    return nir.Scale(scale=layers[0].values)


LAYERS: Final[Mapping[type[nn.Module], LayerRule]] = {
    nn.Linear: LayerRule(_check_linear, linear_layers.linear, is_linear=True),
    nn.Conv1d: LayerRule(_check_conv(1), linear_layers.convolution, is_linear=True),
    nn.Conv2d: LayerRule(_check_conv(2), linear_layers.convolution, is_linear=True),
    nn.AvgPool1d: LayerRule(pooling.check(1), pooling.average_1d),
    nn.AvgPool2d: LayerRule(pooling.check(2), pooling.average_2d),
    nn.AdaptiveAvgPool1d: LayerRule(pooling.check_adaptive(1), pooling.adaptive),
    nn.AdaptiveAvgPool2d: LayerRule(pooling.check_adaptive(2), pooling.adaptive),
    nn.BatchNorm1d: LayerRule(_check_batch_norm, linear_layers.alone),
    nn.BatchNorm2d: LayerRule(_check_batch_norm, linear_layers.alone),
    Wiring: LayerRule(_check_wiring, _wired),
    Scaling: LayerRule(_no_check, _scaled),
    Shift: LayerRule(_check_shift, linear_layers.alone),
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

REARRANGING: Final[tuple[type[nn.Module], ...]] = (
    nn.Flatten,
    nn.Unflatten,
    nn.ZeroPad1d,
    nn.ZeroPad2d,
    nn.ConstantPad1d,
    nn.ConstantPad2d,
    nn.ReflectionPad1d,
    nn.ReflectionPad2d,
    nn.ReplicationPad1d,
    nn.ReplicationPad2d,
    nn.CircularPad1d,
    nn.CircularPad2d,
    nn.ChannelShuffle,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
)

_RECURRENT = "use Leaky with a Linear that feeds back the previous step's spikes"
_FOLDED = "use a batch norm, which is folded into the weights"
HINTS: Final[Mapping[str, str]] = {
    "MaxPool": "use AvgPool2d, or a strided Conv",
    "AdaptiveMaxPool": "use AvgPool2d, or a strided Conv",
    "LPPool": "use AvgPool2d, or a strided Conv",
    "AvgPool3d": "NIR has one and two axes",
    "Conv3d": "NIR has one and two axes",
    "LayerNorm": _FOLDED,
    "GroupNorm": _FOLDED,
    "InstanceNorm": _FOLDED,
    "RMSNorm": _FOLDED,
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
    "ConvTranspose": "NIR's Conv keeps or lowers the resolution: use a Conv on larger images",
    "Upsample": "NIR's nodes keep or lower the resolution: upsample outside of the network",
    "UpsamplingNearest": "NIR's nodes keep or lower the resolution",
    "Embedding": "feed the embedded values as the network's input",
    "MultiheadAttention": "NIR has no product of two signals",
    "Bilinear": "NIR has no product of two signals",
    "RecursiveScriptModule": "export the module that torch.jit.script() was given",
    "TopLevelTracedModule": "export the module that torch.jit.trace() was given",
}
