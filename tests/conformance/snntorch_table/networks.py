"""Layers before Leaky neurons, and the ways to write a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import snntorch
from torch import nn

from tests.conformance.snntorch_table.combinations import Combination
from tests.conformance.snntorch_table.forms import forms
from tests.conformance.snntorch_table.options import Shape

IMAGE = (2, 6, 5)
LINE = (2, 9)


def leaky(**options: Any) -> Any:
    return snntorch.Leaky(beta=0.8, threshold=0.3, init_hidden=True, **options)


def behind(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The layers and a neuron behind them, batch norms with statistics that are not 0 and 1."""

    def build() -> nn.Module:
        net = nn.Sequential(*(layer() for layer in layers), leaky())
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.track_running_stats:
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.2, 0.2)
        return net

    return build


def dense(bias: bool = True) -> nn.Module:
    return nn.Linear(6, 6, bias=bias)


def conv1(**options: Any) -> Callable[[], nn.Module]:
    return lambda: nn.Conv1d(2, 4, 3, **options)


def conv2(kernel: Any = 3, **options: Any) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(2, 4, kernel, **options)


def layers() -> Iterator[tuple[str, str, Callable[[], nn.Module], Shape]]:
    yield "Linear", "", behind(dense), (6,)
    yield "Linear", "bias=False", behind(lambda: dense(False)), (6,)
    yield "Linear", "on the last of two axes", behind(lambda: nn.Linear(9, 4)), LINE
    for options in (
        {},
        {"bias": False},
        {"stride": 2},
        {"padding": 2},
        {"dilation": 2},
        {"groups": 2},
        {"padding": "same"},
        {"padding": 1, "padding_mode": "circular"},
    ):
        name = ", ".join(f"{key}={value!r}" for key, value in options.items())
        yield "Conv1d", name, behind(conv1(**options)), LINE
        yield "Conv2d", name, behind(conv2(**options)), IMAGE
    yield "Conv2d", "kernel of two sizes", behind(conv2((1, 3), stride=(1, 2))), IMAGE
    yield "Conv2d", "padding='same', even kernel", behind(conv2((2, 4), padding="same")), IMAGE
    yield "Conv2d", "one group a channel", behind(lambda: nn.Conv2d(2, 2, 3, groups=2)), IMAGE
    yield "BatchNorm1d", "behind Linear", behind(dense, lambda: nn.BatchNorm1d(6)), (6,)
    yield "BatchNorm1d", "behind Conv1d", behind(conv1(), lambda: nn.BatchNorm1d(4)), LINE
    yield "BatchNorm2d", "behind Conv2d", behind(conv2(), lambda: nn.BatchNorm2d(4)), IMAGE
    yield "BatchNorm2d", "behind a neuron", behind(leaky, lambda: nn.BatchNorm2d(2)), IMAGE
    yield (
        "BatchNorm1d",
        "track_running_stats=False",
        behind(dense, lambda: nn.BatchNorm1d(6, track_running_stats=False)),
        (6,),
    )
    yield from _pools()
    yield "Flatten", "", behind(conv2(), nn.Flatten, lambda: nn.Linear(48, 3)), IMAGE
    yield "Flatten", "start_dim=2", behind(conv2(), lambda: nn.Flatten(2)), IMAGE
    yield "Dropout", "", behind(dense, nn.Dropout), (6,)
    yield "Dropout2d", "", behind(conv2(), nn.Dropout2d), IMAGE
    yield "Identity", "", behind(dense, nn.Identity), (6,)
    yield "ReLU", "", behind(dense, nn.ReLU), (6,)
    yield "LayerNorm", "", behind(dense, lambda: nn.LayerNorm(6)), (6,)
    yield "GroupNorm", "", behind(conv2(), lambda: nn.GroupNorm(2, 4)), IMAGE
    yield "ConvTranspose2d", "", behind(lambda: nn.ConvTranspose2d(2, 2, 3)), IMAGE


def _pools() -> Iterator[tuple[str, str, Callable[[], nn.Module], Shape]]:
    yield "AvgPool1d", "2", behind(lambda: nn.AvgPool1d(2)), LINE
    for options in (
        {},
        {"stride": 1},
        {"padding": 1},
        {"padding": 1, "count_include_pad": False},
        {"ceil_mode": True},
        {"divisor_override": 3},
    ):
        name = ", ".join(["2", *(f"{key}={value!r}" for key, value in options.items())])
        yield "AvgPool2d", name, behind(lambda o=options: nn.AvgPool2d(2, **o)), IMAGE
    yield "AdaptiveAvgPool2d", "1", behind(lambda: nn.AdaptiveAvgPool2d(1)), IMAGE
    yield "MaxPool1d", "2", behind(lambda: nn.MaxPool1d(2)), LINE
    yield "MaxPool2d", "2", behind(lambda: nn.MaxPool2d(2)), IMAGE


@cache
def networks() -> tuple[Combination, ...]:
    """All layers and all forms."""
    before = [Combination(kind, "", option, *rest) for kind, option, *rest in layers()]
    ways = [
        Combination("network", "", form.name, form.make, form.shape, output=form.output)
        for form in forms()
    ]
    return (*before, *ways)
