"""What a hardware description holds: quantities with a pedigree, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from neurodeploy.errors import ConfigError, Diagnostic

UNITS: Final[dict[str, tuple[str, int]]] = {
    "J": ("J", 0),
    "mJ": ("J", -3),
    "uJ": ("J", -6),
    "nJ": ("J", -9),
    "pJ": ("J", -12),
    "fJ": ("J", -15),
    "W": ("W", 0),
    "mW": ("W", -3),
    "uW": ("W", -6),
    "s": ("s", 0),
    "ms": ("s", -3),
    "us": ("s", -6),
    "ns": ("s", -9),
    "Hz": ("Hz", 0),
    "1/s": ("1/s", 0),
    "bit": ("bit", 0),
    "byte": ("byte", 0),
    "step": ("step", 0),
    "1": ("1", 0),
}

EVIDENCE: Final = (
    "measured",
    "documented",
    "simulated",
    "published-estimate",
    "reported",
    "derived",
    "assumed",
)
SCOPES: Final = ("per-term", "all-in")

SPIKING_PRICES: Final[dict[str, str]] = {
    "synaptic_operation": "J",
    "neuron_update": "J",
    "neuron_update_inactive": "J",
    "spike": "J",
    "hop_east_west": "J",
    "hop_north_south": "J",
    "learning_update": "J",
    "static_power": "W",
}
REFINEMENTS: Final[dict[str, str]] = {
    "synaptic_operation_dense": "J",
    "synaptic_operation_sparse": "J",
    "synaptic_operation_conv": "J",
    "message": "J",
}
"""Terms that some sources split off: their absence leaves nothing unpriced."""
CMOS_PRICES: Final[dict[str, str]] = {
    f"{number}_{op}": "J"
    for number in ("fp32", "fp16", "int32", "int8", "int8_acc32")
    for op in ("add", "multiply", "mac", "ac")
    if not (number == "int8_acc32" and op in ("add", "multiply"))
} | {f"{memory}_64bit": "J" for memory in ("sram_8kb", "sram_32kb", "sram_1mb", "dram")}
PROCESSOR_PRICES: Final[dict[str, str]] = {"mac": "J", "activation": "J", "static_power": "W"}
PRICES: Final[dict[str, dict[str, str]]] = {
    "spiking": SPIKING_PRICES,
    "cmos": CMOS_PRICES,
    "processor": PROCESSOR_PRICES,
}

LIMITS: Final[dict[str, str]] = {
    "weight_bits": "bit",
    "weight_exp_min": "1",
    "weight_exp_max": "1",
    "decay_bits": "bit",
    "vth_bits": "bit",
    "bias_mant_bits": "bit",
    "bias_exp_bits": "bit",
    "state_bits": "bit",
    "message_bits": "bit",
    "delay_max": "step",
    "delay_max_netx": "step",
    "neurons_per_core": "1",
    "neurons_per_chip": "1",
    "synapses_per_chip": "1",
    "cores_per_chip": "1",
    "cores_per_tile": "1",
    "tiles_per_row": "1",
    "chips": "1",
    "synapse_memory_per_core": "bit",
    "memory_per_core": "byte",
    "input_axons_per_core": "1",
    "output_axons_per_core": "1",
    "decay_profiles_per_core": "1",
    "threshold_profiles_per_core": "1",
    "synapse_formats_per_core": "1",
    "fan_in_per_neuron": "1",
}
BARRIER_TILES: Final = (1, 2, 4, 29)
TIMES: Final[dict[str, str]] = {
    "synaptic_operation_dense": "s",
    "synaptic_operation_sparse": "s",
    "synaptic_operation_conv": "s",
    "neuron_update": "s",
    "spike": "s",
    "message_in": "s",
    "message_out": "s",
} | {f"barrier_from_{tiles}_tiles": "s" for tiles in BARRIER_TILES}


@dataclass(frozen=True)
class Quantity:
    """A number with its pedigree.

    value: in the SI unit `unit` (J, W, s) or in bit, byte, step or 1 (a plain number);
    source: the citation, in words; evidence: one of EVIDENCE, the strongest first;
    scope: "per-term" (other terms come on top), "all-in" (nothing may be added), "" for limits;
    low, high: the range that the source prints, if it prints one; link: where the source is found.
    """

    value: float
    unit: str
    source: str
    evidence: str
    scope: str = ""
    note: str = ""
    low: float | None = None
    high: float | None = None
    link: str = ""


@dataclass(frozen=True)
class Hardware:
    """A spiking chip ("spiking"), a process technology ("cmos") or a conventional "processor".

    references: measured whole workloads and quotients for orientation; no estimate uses them;
    times: what events take on one core, in seconds; chip: of a system, the chip it is made of;
    placed_as: the description of the same chip that has its limits and times.
    """

    name: str
    title: str
    kind: str
    note: str
    limits: Mapping[str, Quantity]
    prices: Mapping[str, Quantity]
    references: Mapping[str, Quantity]
    times: Mapping[str, Quantity] = field(default_factory=dict)
    chip: str = ""
    placed_as: str = ""

    def price(self, term: str) -> Quantity | None:
        """The price of `term`, or None if it is unpriced; KeyError if no such term exists."""
        if term not in PRICES[self.kind] and term not in REFINEMENTS:
            raise KeyError(f"{self.kind} hardware has no price named {term!r}")
        return self.prices.get(term)

    def limit(self, name: str) -> int:
        """The limit `name`; ConfigError if the description does not give it."""
        if name not in self.limits:
            detail = f"{name} is not given, and compiling needs it"
            hint = "see hw_configs/loihi2.toml for an example"
            raise ConfigError(Diagnostic(f"hardware {self.name}", "limit-missing", detail, hint))
        return int(self.limits[name].value)

    @property
    def is_all_in(self) -> bool:
        """Whether the price of a synaptic operation holds everything: nothing may be added."""
        price = self.prices.get("synaptic_operation")
        return price is not None and price.scope == "all-in"

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The terms of this kind of hardware for which no price is known; () if one is all-in."""
        if self.is_all_in:
            return ()
        return tuple(term for term in PRICES[self.kind] if term not in self.prices)


def weakest_evidence(grades: tuple[str, ...]) -> str:
    """The weakest of the grades: what a sum of such numbers may claim. "" for no grades."""
    return max(grades, key=EVIDENCE.index, default="")
