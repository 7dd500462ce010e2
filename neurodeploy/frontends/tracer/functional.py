"""torch.nn.functional: the same as the layer of that name, with weights from the module."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodeploy.frontends.tracer.linear_layers import as_parameter
from neurodeploy.frontends.tracer.rearranging import rearrange
from neurodeploy.frontends.tracer.values import Call, Followed, Refused, Signals

_UNSEEN = "takes weights whose making is not seen, or that depend on a signal"
_HINT = "make them parameters or buffers of the module"
_CONVOLUTION = "input weight bias stride padding dilation groups"
_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
_NORM = "input running_mean running_var weight bias training momentum eps"


def linear(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named("input weight bias")
    weight = signals.known(given["weight"])
    if weight is None:
        return Refused(_UNSEEN, _HINT)
    module = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    return _weighted(signals, call, module, given)


def convolution(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named(_CONVOLUTION)
    weight = signals.known(given["weight"])
    if weight is None:
        return Refused(_UNSEEN, _HINT)
    kind = nn.Conv1d if call.name == "conv1d" else nn.Conv2d
    groups = given.get("groups", 1)
    options = {k: _each(given[k]) for k in ("stride", "padding", "dilation") if k in given}
    channels, outputs = weight.shape[1] * groups, weight.shape[0]
    kernel: Any = tuple(weight.shape[2:])
    module = kind(channels, outputs, kernel, groups=groups, bias=False, device="meta", **options)
    return _weighted(signals, call, module, given)


def _each(option: Any) -> Any:
    """torch takes (2,) for one number, nn.Conv2d does not."""
    return option[0] if isinstance(option, tuple | list) and len(option) == 1 else option


def _weighted(signals: Signals, call: Call, module: Any, given: Any) -> Followed | Refused:
    value, bias = signals.lookup(given["input"]), given.get("bias")
    if value is None or (bias is not None and signals.known(bias) is None):
        return Refused(_UNSEEN, _HINT)
    module.weight = as_parameter(given["weight"])
    module.bias = None if bias is None else as_parameter(bias)
    stem = signals.stem(given["weight"], call.name)
    return [(call.out, signals.layer(stem, module, value, call))]


def average_pool(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named(_POOL)
    value = signals.lookup(given.pop("input"))
    kind: Any = nn.AvgPool1d if call.name == "avg_pool1d" else nn.AvgPool2d
    if value is None:
        return Refused()
    if given.get("stride") in ((), []):
        given["stride"] = None
    return [(call.out, signals.layer(call.name, kind(**given), value, call))]


def adaptive_pool(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named("input output_size")
    value = signals.lookup(given.pop("input"))
    one_axis = call.name == "adaptive_avg_pool1d"
    kind: Any = nn.AdaptiveAvgPool1d if one_axis else nn.AdaptiveAvgPool2d
    if value is None:
        return Refused()
    return [(call.out, signals.layer(call.name, kind(_each(given["output_size"])), value, call))]


def batch_norm(signals: Signals, call: Call) -> Followed | Refused:
    given = {"training": False, "eps": 1e-5, **call.named(_NORM)}
    value = signals.lookup(given["input"])
    names = ("running_mean", "running_var", "weight", "bias")
    tensors = {name: given.get(name) for name in names}
    unseen = any(t is not None and signals.known(t) is None for t in tensors.values())
    if value is None or unseen:
        return Refused(_UNSEEN, _HINT)
    if given["training"]:
        return Refused("takes the statistics of the batch", "pass training=self.training")
    mean, variance = tensors["running_mean"], tensors["running_var"]
    assert mean is not None
    assert variance is not None
    kind: Any = nn.BatchNorm2d if call.out.dim() == 4 else nn.BatchNorm1d
    module = kind(len(mean), eps=given["eps"], affine=False, device="meta")
    module.running_mean, module.running_var = mean.detach(), variance.detach()
    module.num_batches_tracked = None
    ones, zeros = torch.ones_like(mean), torch.zeros_like(mean)
    for name, default in (("weight", ones), ("bias", zeros)):
        tensor = tensors[name]
        setattr(module, name, as_parameter(default if tensor is None else tensor))
    module.affine = True
    stem = signals.stem(tensors["weight"], call.name)
    return [(call.out, signals.layer(stem, module, value, call))]


def mean(signals: Signals, call: Call) -> Followed | Refused:
    """The mean over all axes behind the channels is an average pool of their size."""
    given = call.named("input dim keepdim")
    tensor, value = given["input"], signals.lookup(given["input"])
    dims = given.get("dim")
    dims = dims if isinstance(dims, tuple | list) else (dims,)
    if value is None or value.timed or None in dims or tensor.dim() not in (3, 4):
        return Refused()
    if sorted(d % tensor.dim() for d in dims) != list(range(2, tensor.dim())):
        return Refused()
    return _pooled(signals, call, tensor, bool(given.get("keepdim", False)))


def _pooled(signals: Signals, call: Call, tensor: Tensor, keepdim: bool) -> Followed | Refused:
    value = signals.lookup(tensor)
    assert value is not None
    sizes = tuple(tensor.shape[2:])
    kind: Any = nn.AvgPool1d if len(sizes) == 1 else nn.AvgPool2d
    pool = F.avg_pool1d if len(sizes) == 1 else F.avg_pool2d
    pooled = Call(call.name, pool, (tensor, sizes), {}, pool(tensor, sizes))
    after = signals.layer(call.name, kind(sizes), value, pooled)
    if keepdim:
        return [(call.out, after)]
    signals.follow(pooled.out, after)
    flat = Call("flatten", lambda t: t.flatten(1), (pooled.out,), {}, call.out)
    return rearrange(signals, flat)


def dropout(signals: Signals, call: Call) -> Followed | Refused:
    given = {"training": True, **call.named("input p training")}
    value = signals.lookup(given["input"])
    if given["training"]:
        return Refused("drops values at random", "use nn.Dropout, or training=self.training")
    return Refused() if value is None else [(call.out, value)]
