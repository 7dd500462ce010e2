"""What the boxes of a Program need of a core, of every limit that the chip's file gives."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from itertools import product
from math import prod
from typing import Any, Final

import numpy as np

from neurodeploy.hardware import Hardware
from neurodeploy.ir.arithmetic import DECAY_UNITY
from neurodeploy.ir.mapping import Box, box_shape, box_slices
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.passes.place.convolutions import ConvNeeds
from neurodeploy.passes.place.grid import Grid, outer, spans
from neurodeploy.passes.place.matrices import MatrixNeeds
from neurodeploy.passes.place.storage import Entry, SynapseNeeds

Array = np.ndarray[Any, np.dtype[Any]]
Span = tuple[int, int]
CORE_LIMITS: Final = (
    "neurons_per_core",
    "synapse_memory_per_core",
    "memory_per_core",
    "input_axons_per_core",
    "output_axons_per_core",
    "decay_profiles_per_core",
    "threshold_profiles_per_core",
    "synapse_formats_per_core",
)
STATE_BYTES: Final = 4  # a 24-bit state in a 32-bit word
PROFILES: Final = ("decay_profiles_per_core", "threshold_profiles_per_core")
THRESHOLDS: Final = ("vth", "subtract")
STATES: Final = ("bias", "bias_exp", "v_init")  # kept per neuron, of no profile


def core_limits(hardware: Hardware) -> dict[str, int]:
    """The limits of one core that the chip's file gives."""
    return {n: int(hardware.limits[n].value) for n in CORE_LIMITS if n in hardware.limits}


class ProgramNeeds:
    """The needs of every population's boxes, at `weight_bits` a weight (of a fixed one, its own).

    delays: steps of every synapse on the chip, by name.
    """

    def __init__(
        self,
        program: Program,
        hardware: Hardware,
        weight_bits: int,
        delays: Mapping[str, int],
    ) -> None:
        self.program = program
        self.limits = core_limits(hardware)
        self._index_bits = (hardware.limit("neurons_per_core") - 1).bit_length()
        self._delay_bits = hardware.limit("delay_max").bit_length()
        self.incoming = {n.name: program.incoming(n.name) for n in program.neurons}
        self.outgoing: dict[str, list[Synapse]] = {name: [] for name in program.shapes}
        for synapse in program.synapses:
            self.outgoing[synapse.source].append(synapse)
        fixed = program.arithmetic == "fixed"
        self._entries = {
            s.name: Entry(
                s.num_weight_bits if fixed else weight_bits,
                self._delay_bits if delays[s.name] > 1 else 0,
                self._index_bits,
            )
            for s in program.synapses
        }
        self.synapses = {s.name: self._of_synapse(s) for s in program.synapses}
        self._states = {
            n.name: STATE_BYTES * len(NEURON_MODELS[n.model].state) for n in program.neurons
        }
        self._profiles = {
            limit: {n.name: _profile_numbers(n, limit, fixed) for n in program.neurons}
            for limit in PROFILES
            if limit in self.limits
        }

    def _of_synapse(self, synapse: Synapse) -> SynapseNeeds:
        source, target = self.program.shapes[synapse.source], self.program.shapes[synapse.target]
        make = ConvNeeds if synapse.kind in ("conv1d", "conv2d") else MatrixNeeds
        return make(synapse, source, target, self._entries[synapse.name])

    def of_box(self, population: str, box: Box) -> dict[str, int]:
        """What the neurons of a box use of each limit, but for the output axons."""
        neurons = prod(box_shape(box))
        needs = [self.synapses[s.name].needs(box) for s in self.incoming[population]]
        bits = sum(n.memory_bits for n in needs)
        used: dict[str, int] = {
            "neurons_per_core": neurons,
            "synapse_memory_per_core": bits,
            "memory_per_core": -(-bits // 8) + neurons * self._states[population],
            "input_axons_per_core": sum(n.input_axons for n in needs),
            "synapse_formats_per_core": self._formats(population),
            **{limit: _distinct(of[population], box) for limit, of in self._profiles.items()},
        }
        return {limit: used[limit] for limit in self.limits if limit in used}

    def distinct(self, population: str, grid: Grid) -> Iterator[tuple[Box, int]]:
        """Boxes of the grid that differ in what they need, and how many there are of each."""
        varied = any(of[population] is not None for of in self._profiles.values())
        synapses = [self.synapses[s.name] for s in self.incoming[population]]
        along = []
        for axis, (length, tile) in enumerate(zip(grid.shape, grid.tile, strict=True)):
            kinds: dict[Hashable, list[Span]] = {}
            for span in spans(length, tile):
                own = span if varied else span[1] - span[0]
                kinds.setdefault((own, *(s.kind(axis, span) for s in synapses)), []).append(span)
            along.append(list(kinds.values()))
        for groups in product(*along):
            yield tuple(group[0] for group in groups), prod(len(group) for group in groups)

    def expected(self, population: str, sizes: list[Array]) -> dict[str, Array]:
        """Of all combinations of tile sizes what the neediest box uses, or a little less."""
        tile = outer(sizes)
        found = [self.synapses[s.name].expect(sizes) for s in self.incoming[population]]
        bits = sum((memory for memory, _ in found), np.zeros_like(tile))
        used = {
            "neurons_per_core": tile,
            "synapse_memory_per_core": bits,
            "memory_per_core": -(-bits // 8) + tile * self._states[population],
            "input_axons_per_core": sum((axons for _, axons in found), np.zeros_like(tile)),
        }
        return {limit: used[limit] for limit in self.limits if limit in used}

    def _formats(self, population: str) -> int:
        """Synapse formats. Exponents of a real Program are not known: one for each source."""
        fixed = self.program.arithmetic == "fixed"
        return len(
            {
                (self._entries[s.name], s.kind, s.weight_exp if fixed else s.source)
                for s in self.incoming[population]
            }
        )


def _profile_numbers(neuron: Neuron, limit: str, fixed: bool) -> Array | None:
    """Of every neuron the number of its profile; None if the population shares one.

    Decays of a real neuron are taken as the 12 bits that they will be.
    """
    thresholds = limit == "threshold_profiles_per_core"
    names = [n for n in neuron.params if n not in STATES and (n in THRESHOLDS) == thresholds]
    given = [np.asarray(neuron.params[n], dtype=float) for n in names]
    if not thresholds and not fixed:
        given = [np.rint(values * DECAY_UNITY) for values in given]
    varied = [values.ravel() for values in given if values.size > 1 and np.ptp(values) > 0]
    if not varied:
        return None
    numbers = np.unique(np.stack(varied, axis=1), axis=0, return_inverse=True)[1]
    return np.asarray(numbers).reshape(neuron.shape)


def _distinct(numbers: Array | None, box: Box) -> int:
    return 1 if numbers is None else len(np.unique(numbers[box_slices(box)]))
