"""What the energy part of a results file holds. Energies are in joules per inference, but for those
of `SecondEnergy`."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurodeploy.bench.counting.record import CountRecord


@dataclass(frozen=True)
class EnergyTerm:
    """count x price of one layer; energy_j is per inference. None: unpriced, not zero.

    group: "synapses", "neurons", "memory", "spikes", "traffic" or "static"; source, evidence and
    scope are the price's.
    """

    layer: str
    group: str
    term: str
    count: int
    price_j: float | None
    energy_j: float | None
    low_j: float | None
    high_j: float | None
    source: str
    evidence: str
    scope: str


@dataclass(frozen=True)
class EnergyEstimate:
    """One side on one hardware at one precision. Energies per inference; None if nothing is priced.

    side: "snn", "ann" (dense) or "ann-zero-skipping"; low_j, high_j: sensitivity band;
    missing: what the total leaves out (unpriced or not counted), in words;
    power_w: mean power if it runs in real time.
    """

    side: str
    hardware: str
    precision: str
    model: str
    convention: str
    scope: str
    evidence: str
    energy_j: float | None
    low_j: float | None
    high_j: float | None
    power_w: float | None
    terms: tuple[EnergyTerm, ...]
    missing: tuple[str, ...]

    @property
    def place(self) -> str:
        """ "cmos45nm, fp32, arithmetic": hardware, precision and model."""
        return f"{self.hardware}, {self.precision}, {self.model}"


@dataclass(frozen=True)
class EnergyRatio:
    """ann / snn: above 1, the spiking network costs less.

    hardware, model and precision are the spiking side's; against: the artificial side's where they
    differ; low, high: every price anywhere in its band, the same on both sides; quality: "equal",
    "differs" or "unknown"; forced: what is unlike, and was compared all the same.
    """

    hardware: str
    model: str
    precision: str
    ann: str
    ratio: float
    low: float
    high: float
    quality: str = "unknown"
    against: str = ""
    forced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Swing:
    """A ratio with one price at either end of its band and all others as they are."""

    hardware: str
    model: str
    precision: str
    ann: str
    price: str
    low: float
    high: float


@dataclass(frozen=True)
class BreakEven:
    """The mean input rate at which both networks cost the same; 0 if no rate does.

    rate: synapses alone; rate_with_neurons: with neuron updates, and with biases and rectifiers of
    the artificial network, None if one of them has no price; formula: of the first, prices in pJ;
    network_rate: of this network, over the connections that carry spikes; margins: rate / the input
    rate of each layer: below 1, the layer's synapses cost more than the artificial ones.
    """

    name: str
    hardware: str
    precision: str
    formula: str
    rate: float
    rate_with_neurons: float | None
    network_rate: float | None
    sources: tuple[str, ...]
    margins: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """An energy model in use and what it does, in words."""

    name: str
    text: str


@dataclass(frozen=True)
class Ann:
    """The artificial network; passes: per inference; derived: from the spiking one, untrained."""

    name: str
    derived: bool
    passes: int
    counts: CountRecord


@dataclass(frozen=True)
class ChipRun:
    """The network placed on a chip, per step and sample.

    core: the bottleneck's slices, in words; core_share: its part of all synaptic operations;
    imbalance: its operations over the mean of all cores; step_s: estimated time of a step, None
    without figures; real_time: whether that is within dt; static_w: None if unpriced; crossover_s:
    length of a step at which static power costs as much as all the rest.
    """

    hardware: str
    cores: int
    core: str
    core_share: float
    imbalance: float
    messages: float
    hops: float
    step_s: float | None
    real_time: bool | None
    static_w: float | None
    crossover_s: float | None


@dataclass(frozen=True)
class Bottleneck:
    """The layer that costs most, by an estimate of the spiking side."""

    hardware: str
    model: str
    precision: str
    layer: str
    share: float


@dataclass(frozen=True)
class Proxy:
    """A figure in operations that a challenge compares by."""

    name: str
    value: float | None
    unit: str
    formula: str
    source: str
    link: str


@dataclass(frozen=True)
class Measurement:
    """Rails that were measured, beside the estimates. Energies per inference.

    side: "snn" or "ann"; dynamic_w: active minus idle, negative where the meter says so; idle_w:
    None if no idle samples were given.
    """

    file: str
    side: str
    hardware: str
    rails: tuple[str, ...]
    seconds: float
    inferences: int
    active_w: float
    idle_w: float | None
    dynamic_w: float | None
    energy_j: float
    dynamic_j: float | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class OperatingPoint:
    """One side after so many steps: energies by `EnergyEstimate.place`, quality by metric.

    Messages between cores are not in them.
    """

    side: str
    name: str
    steps: int
    energies: dict[str, float]
    quality: dict[str, float]


@dataclass(frozen=True)
class Intensity:
    """A layer on the memory-aware model: operations, bytes moved and joules per inference."""

    side: str
    layer: str
    operations: float
    bytes: float
    energy_j: float


@dataclass(frozen=True)
class SecondEnergy:
    """Joules per second of audio, None where nothing has a price; sources of all prices in it."""

    hardware: str
    model: str
    precision: str
    side: str
    energy_j: float | None
    low_j: float | None
    high_j: float | None
    evidence: str
    scope: str
    sources: tuple[str, ...]
    missing: tuple[str, ...]
