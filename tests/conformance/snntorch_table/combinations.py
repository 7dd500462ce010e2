"""Every neuron class of snnTorch with every option: modules to ask the frontend about.

docs/snntorch.md is written from this list, and a conformance test runs each of its modules.
"""

from __future__ import annotations

import itertools
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import snntorch
import torch
from torch import Tensor, nn

from neurodeploy.frontends.tracer.neuron_layers import SPIKES
from tests.conformance.snntorch_table.options import (
    ALPHA,
    CALLS,
    GRADED,
    GRADED_AFTERWARDS,
    LAPICQUE,
    NEURONS,
    PLANES,
    RECURRENT,
    SPIKE_OPTIONS,
    Option,
    Options,
    Shape,
    decays,
    reads,
)


@dataclass(frozen=True, eq=False)
class Combination:
    """A cell of the table. Each call of `build` makes the same module anew.

    `shape` and `output` are what `to_nir` takes for one or several inputs and outputs. `reads`: the
    state that the module returns, or "spk" for its spikes.
    """

    kind: str
    reset: str
    option: str
    make: Callable[[], nn.Module]
    shape: Shape | tuple[Shape, ...] | Mapping[str, Shape] = NEURONS
    reads: str = SPIKES
    output: Any = None

    @property
    def name(self) -> str:
        return ", ".join(part for part in (self.kind, self.reset, self.option) if part)

    def build(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(zlib.crc32(self.name.encode()))
            return self.make()


class Reads(nn.Module):
    """One step; the neuron keeps its states. Returns its spikes or one of its states."""

    def __init__(self, neuron: nn.Module, place: int = 0) -> None:
        super().__init__()
        self.neuron, self.place = neuron, place

    def forward(self, x: Tensor) -> Any:
        out = self.neuron(x)
        return out[self.place] if isinstance(out, tuple) else out


class Loop(nn.Module):
    """The time loop, in which the states are passed from step to step."""

    def __init__(self, neuron: Any) -> None:
        super().__init__()
        self.neuron = neuron

    def forward(self, x: Tensor) -> Tensor:
        states = self.neuron.reset_mem()
        states = states if isinstance(states, tuple) else (states,)
        record = []
        for step in x:
            out = self.neuron(step, *states)
            states = out[len(out) - len(states) :]  # those of RLeaky begin with its spikes
            record.append(out[0])
        return torch.stack(record)


@dataclass(frozen=True)
class Family:
    """A class, the arguments that every option starts from, and the options that it has."""

    kind: type[nn.Module]
    arguments: Options
    options: tuple[Option, ...]
    returned: tuple[str, ...]
    has_delay: bool = True

    def combinations(self) -> Iterator[Combination]:
        delays = (True, False) if self.has_delay else (None,)
        for mechanism, delay in itertools.product(("subtract", "zero", "none"), delays):
            reset: dict[str, Any] = {"reset_mechanism": mechanism}
            words = mechanism
            if delay is not None:
                reset["reset_delay"] = delay
                words += ", delayed" if delay else ", immediate"
            for option in self.options:
                yield self._combination(option, reset, words)

    def _combination(self, option: Option, reset: Options, words: str) -> Combination:
        def make() -> nn.Module:
            neuron = self.kind(**{**self.arguments, **reset, **option.arguments})
            for name, value in option.settings.items():
                setattr(neuron, name, value)
            return Loop(neuron) if option.loop else Reads(neuron, self._place(option))

        name = self.kind.__name__
        return Combination(name, words, option.name, make, option.shape, option.reads)

    def _place(self, option: Option) -> int:
        return self.returned.index(option.reads)


def _recurrent(arguments: Options, returned: tuple[str, ...], kind: type[nn.Module]) -> Family:
    parameters = decays(alpha="alpha" in arguments)
    options = (*parameters, *RECURRENT, *CALLS, *reads(*returned[1:]), *SPIKE_OPTIONS)
    linear = {**arguments, "linear_features": 3}
    return Family(kind, linear, (*options, *GRADED_AFTERWARDS), returned)


_LEAKY: Final[Options] = {"beta": 0.85, "threshold": 0.7}
_SYNAPTIC: Final[Options] = {"alpha": 0.6, "beta": 0.85, "threshold": 0.7}
_USUAL: Final = (*CALLS, *SPIKE_OPTIONS)
FAMILIES: Final = (
    Family(
        snntorch.Leaky,
        _LEAKY,
        (*decays(alpha=False), *reads("mem"), *_USUAL, *GRADED),
        (SPIKES, "mem"),
    ),
    Family(
        snntorch.Synaptic,
        _SYNAPTIC,
        (*decays(alpha=True), *reads("syn", "mem"), *_USUAL, *GRADED_AFTERWARDS),
        (SPIKES, "syn", "mem"),
    ),
    _recurrent(_LEAKY, (SPIKES, "mem"), snntorch.RLeaky),
    _recurrent(_SYNAPTIC, (SPIKES, "syn", "mem"), snntorch.RSynaptic),
    Family(
        snntorch.Lapicque,
        _LEAKY,
        (*LAPICQUE, *reads("mem"), *_USUAL, *GRADED_AFTERWARDS),
        (SPIKES, "mem"),
        has_delay=False,
    ),
    Family(
        snntorch.Alpha,
        {"alpha": 0.85, "beta": 0.6, "threshold": 0.7},
        (*ALPHA, *reads("syn_exc", "syn_inh", "mem"), *_USUAL, *GRADED_AFTERWARDS),
        (SPIKES, "syn_exc", "syn_inh", "mem"),
        has_delay=False,
    ),
    Family(
        snntorch.SLSTM,
        {"input_size": 3, "hidden_size": 3},
        (Option("any"),),
        (SPIKES, "syn", "mem"),
        has_delay=False,
    ),
    Family(
        snntorch.SConv2dLSTM,
        {"in_channels": 2, "out_channels": 2, "kernel_size": 3},
        (Option("any", shape=PLANES),),
        (SPIKES, "syn", "mem"),
        has_delay=False,
    ),
)


SINGLE: Final[Mapping[Any, Options]] = {
    snntorch.DeltaLeaky: {"beta": 0.9, "init_hidden": True},
    snntorch.LeakyParallel: {"input_size": 3, "hidden_size": 3},
    snntorch.StateLeaky: {"beta": 0.9, "channels": 3},
    snntorch.LinearLeaky: {"beta": 0.9, "in_features": 3, "out_features": 3},
    snntorch.AssociativeLeaky: {"in_dim": 3, "d_value": 2, "d_key": 2, "num_spiking_neurons": 4},
}


def _single(kind: Any, arguments: Options) -> nn.Module:
    return Reads(kind(**arguments))


@cache
def combinations() -> tuple[Combination, ...]:
    """All cells of the table, class by class."""
    of_families = [cell for family in FAMILIES for cell in family.combinations()]
    others = (
        Combination(kind.__name__, "", "any", partial(_single, kind, args))
        for kind, args in SINGLE.items()
    )
    return (*of_families, *others)
