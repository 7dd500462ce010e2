"""The results file: everything that a report shows, as one versioned JSON document.

Measuring writes it and showing reads it; they share nothing else. Energies are in joules per
inference, counts are exact integers over the whole run unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neurodeploy.agreement import Difference
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.energy_records import (
    Ann,
    Bottleneck,
    BreakEven,
    ChipRun,
    EnergyEstimate,
    EnergyRatio,
    Intensity,
    Measurement,
    Model,
    OperatingPoint,
    Proxy,
    Swing,
)
from neurodeploy.bench.results_files import read_document, write_document
from neurodeploy.hardware import Quantity
from neurodeploy.passes.quantize import LayerReport

SCHEMA: Final = "neurodeploy.results/2"


@dataclass(frozen=True)
class Provenance:
    """When, where and with what a result was made. created: UTC, ISO 8601."""

    created: str
    command: str
    machine: dict[str, str]
    versions: dict[str, str]


@dataclass(frozen=True)
class Network:
    """The spiking network and the run that was counted.

    steps: steps of one inference, the drain of the Program's latency included; batch: inferences;
    connections: dense operations of one step; ann_passes: passes of the artificial network that do
    the work of one inference (None: no artificial network).
    """

    name: str
    arithmetic: str
    dt_s: float
    steps: int
    batch: int
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    neurons: int
    weights: int
    connections: int
    ann_passes: int | None
    notes: tuple[str, ...] = ()

    @property
    def inference_s(self) -> float:
        """Time that one inference covers if the network runs in real time."""
        return self.steps * self.dt_s


@dataclass(frozen=True)
class Quality:
    """One model's scores on the test set. group: "spiking", "artificial" or "baseline".

    side: "snn" or "ann" where these are the scores of one of the two networks compared.
    """

    name: str
    group: str
    metrics: dict[str, float]
    note: str = ""
    side: str = ""


@dataclass(frozen=True)
class LayerResult:
    """A population with the synapses that lead to it; counts over the whole run.

    connections: dense operations of one step; messages: "binary", "graded", "mixed" or "" (none);
    input_rate: synaptic_operations / dense operations, the fan-out-weighted mean rate of the input;
    rate: spikes per neuron and step; spikes_per_synapse: per inference.
    """

    name: str
    model: str
    size: int
    synapses: tuple[str, ...]
    connections: int
    messages: str
    synaptic_operations: int
    neuron_updates: int
    spikes: int
    saturations: int
    input_rate: float | None
    rate: float | None
    spikes_per_synapse: float | None


@dataclass(frozen=True)
class Raster:
    """Spikes of one sample: (step, row) pairs; rows are `neurons`, a sample of `size` neurons."""

    layer: str
    size: int
    steps: int
    neurons: tuple[int, ...]
    events: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class HardwareRecord:
    """The prices in use, with their sources."""

    name: str
    title: str
    kind: str
    note: str
    prices: dict[str, Quantity]
    references: dict[str, Quantity]
    unpriced: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """All of it. `schema` is SCHEMA; readers refuse any other.

    counts: rows of the spiking network; refused: ratios that were asked for or suggest themselves
    and are not given, with the reason.
    """

    title: str
    provenance: Provenance
    convention: str
    convention_text: str
    network: Network
    layers: tuple[LayerResult, ...]
    energy: tuple[EnergyEstimate, ...]
    ratios: tuple[EnergyRatio, ...]
    break_even: tuple[BreakEven, ...]
    hardware: tuple[HardwareRecord, ...]
    models: tuple[Model, ...] = ()
    counts: CountRecord | None = None
    ann: Ann | None = None
    tornado: tuple[Swing, ...] = ()
    bottlenecks: tuple[Bottleneck, ...] = ()
    chips: tuple[ChipRun, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    refused: tuple[str, ...] = ()
    measured: tuple[Measurement, ...] = ()
    points: tuple[OperatingPoint, ...] = ()
    roofline: tuple[Intensity, ...] = ()
    rounding: tuple[LayerReport, ...] = ()
    agreement: tuple[Difference, ...] = ()
    quality: tuple[Quality, ...] = ()
    raster: tuple[Raster, ...] = ()
    caveats: tuple[str, ...] = ()
    schema: str = field(default=SCHEMA)


def write_results(results: Results, path: str | Path) -> Path:
    """Writes the JSON document."""
    return write_document(results, path)


def read_results(path: str | Path) -> Results:
    """The results in a file; raises what `read_document` raises."""
    return read_document(Results, SCHEMA, path, command="compare")
