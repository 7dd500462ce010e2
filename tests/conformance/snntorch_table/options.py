"""The options of snnTorch's neuron classes that the table of combinations goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from neurodeploy.frontends.tracer.neuron_layers import SPIKES

Shape = tuple[int, ...]
Options = Mapping[str, Any]
NEURONS: Final = (3,)
PLANES: Final = (2, 4, 3)


@dataclass(frozen=True)
class Option:
    """`arguments` of the class; `settings` are set on the built neuron; `reads` a state."""

    name: str
    arguments: Options = field(default_factory=dict)
    settings: Options = field(default_factory=dict)
    reads: str = SPIKES
    loop: bool = False
    shape: Shape = NEURONS


def _quarters(mem: Tensor) -> Tensor:
    return torch.round(4.0 * mem) / 4.0


_THRESHOLDS: Final = torch.tensor([0.3, 0.7, 1.1])
_BETAS: Final = torch.tensor([0.5, 0.8, 0.95])
_ALPHAS: Final = torch.tensor([0.9, 0.4, 0.7])
_FACTORS: Final = torch.tensor([0.5, 2.0, -1.5])

CALLS: Final = (
    Option("states passed in a loop", loop=True),
    Option("init_hidden", {"init_hidden": True}),
    Option("init_hidden, output", {"init_hidden": True, "output": True}),
)
SPIKE_OPTIONS: Final = (
    Option("inhibition", {"inhibition": True}),
    Option("state_quant", {"state_quant": _quarters}),
    Option("spike_grad with soft spikes", {"spike_grad": torch.sigmoid}),
    Option("threshold 0", {"threshold": 0.0}),
    Option("negative threshold", {"threshold": -0.4}),
)
GRADED: Final = (
    Option("graded_spikes_factor scalar", {"graded_spikes_factor": 2.5}),
    Option("graded_spikes_factor vector", {"graded_spikes_factor": _FACTORS}),
    Option(
        "graded_spikes_factor learned",
        {"graded_spikes_factor": _FACTORS, "learn_graded_spikes_factor": True},
    ),
    Option("graded_spikes_factor 0", {"graded_spikes_factor": 0.0}),
)
GRADED_AFTERWARDS: Final = (
    Option("graded_spikes_factor set afterwards", settings={"graded_spikes_factor": _FACTORS}),
)


def reads(*states: str) -> tuple[Option, ...]:
    return tuple(Option(f"{state} read", reads=state) for state in states)


def decays(alpha: bool) -> tuple[Option, ...]:
    """Scalar, vector and learned parameters, and decays at and beyond the ends of their range."""
    names = ("alpha", "beta") if alpha else ("beta",)
    vectors: dict[str, Any] = dict(zip(names, (_ALPHAS, _BETAS)[-len(names) :], strict=True))
    learned = {f"learn_{name}": True for name in (*names, "threshold")}
    ends = torch.tensor([0.0, 1.0, 1.5])
    return (
        Option("scalar parameters"),
        Option("vector parameters", {**vectors, "threshold": _THRESHOLDS}),
        Option("learned parameters", {**vectors, "threshold": _THRESHOLDS, **learned}),
        Option("decays 0, 1 and above 1", dict.fromkeys(names, ends)),
        Option("decays 1", dict.fromkeys(names, 1.0)),
    )


_V: Final = torch.tensor([0.6, -0.4, 0.3])
_ONE_TO_ONE: Final[Options] = {"all_to_all": False, "linear_features": None}
RECURRENT: Final = (
    Option("V scalar", {**_ONE_TO_ONE, "V": -0.4, "learn_recurrent": False}),
    Option("V vector", {**_ONE_TO_ONE, "V": _V, "learn_recurrent": False}),
    Option("V scalar, learned", {**_ONE_TO_ONE, "V": 0.3}),
    Option("V vector, learned", {**_ONE_TO_ONE, "V": _V}),
    Option("linear_features, not learned", {"learn_recurrent": False}),
    Option(
        "conv2d_channels, kernel_size",
        {"linear_features": None, "conv2d_channels": 2, "kernel_size": 3},
        shape=PLANES,
    ),
    Option(
        "conv2d_channels, kernel_size of two sizes",
        {"linear_features": None, "conv2d_channels": 2, "kernel_size": (3, 1)},
        shape=PLANES,
    ),
)
LAPICQUE: Final = (
    Option("R and C", {"beta": False, "R": 3.0, "C": 1.3, "time_step": 0.7}),
    Option("R = C time_step", {"beta": False, "R": 2.0, "C": 0.5}),
    Option("beta", {}),
    Option("beta, learned", {"learn_beta": True, "learn_threshold": True}),
    Option("beta and R", {"R": 2.0}),
    Option("beta and C", {"C": 2.0}),
    Option("beta below 1/e", {"beta": 0.2}),
    Option("vector threshold", {"threshold": _THRESHOLDS}),
)
_SLOW: Final = {"alpha": _BETAS, "beta": 0.6 * _BETAS}
ALPHA: Final = (
    Option("scalar parameters"),
    Option("vector parameters", {**_SLOW, "threshold": _THRESHOLDS}),
    Option("learned parameters", {**_SLOW, "learn_beta": True, "learn_threshold": True}),
    Option("beta 0, alpha 1", {"alpha": 1.0, "beta": 0.0}),
)
