"""What a user decides about quantization, and whether the chip can do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program, Synapse

Form = Literal["chip", "netx"]
Objective = Literal["spikes", "membrane"]
Signs = Literal["mixed", "split"]
Rounding = Literal["nearest", "calibrated"]
WIDEST = 8
ARITHMETIC = {
    "decay_bits": 12,
    "vth_bits": 17,
    "bias_mant_bits": 13,
    "bias_exp_bits": 3,
    "state_bits": 24,
}
"""Widths that ir.arithmetic has built in: a chip that states others is refused, not rounded to."""


@dataclass(frozen=True)
class Options:
    """weight_bits: 1..8, or by the name of a population or synapse (8 where none is given), or
    "auto": the fewest, population by population, with which the disagreement of the whole fixed
    network's outputs on the calibration data is within `tolerance`;
    input_bits: width of graded inputs; margin: state head-room as a factor;
    form "netx": what lava-dl's format can say (weight_exp 0, bias_exp 6);
    signs: "mixed", or "split": a synapse of both signs becomes two of one, see passes/split_signs;
    objective: what the scale of a population is chosen by on the calibration data: "spikes", the
    share of its spikes and silences that differ from the real ones plus the mean error of its
    neurons' rates (of a read-out, its membrane), or "membrane", the relative error of v;
    rounding of weights: each to the "nearest", or "calibrated": so that their errors cancel in the
    membranes of the calibration data, see `membrane_error`."""

    weight_bits: int | Literal["auto"] | Mapping[str, int] = WIDEST
    input_bits: int = 8
    margin: float = 1.5
    form: Form = "chip"
    signs: Signs = "mixed"
    objective: Objective = "spikes"
    tolerance: float = 0.01
    rounding: Rounding = "nearest"

    def bits_of(self, synapse: Synapse) -> int:
        """Weight bits of a synapse; the most there are for "auto"."""
        if isinstance(self.weight_bits, int):
            return self.weight_bits
        if isinstance(self.weight_bits, str):
            return WIDEST
        for name in (synapse.name, synapse.target):
            if name in self.weight_bits:
                return self.weight_bits[name]
        return WIDEST


def check_options(program: Program, hardware: Hardware, options: Options) -> None:
    """Raises ConfigError with all that is out of range or names nothing of the Program."""
    problems = [*_bits(program, hardware, options), *_widths(hardware)]
    if not 1 <= options.input_bits <= 16:
        problems.append(Diagnostic("input_bits", "range", f"{options.input_bits} is not in 1..16"))
    messages = hardware.limits.get("message_bits")
    if messages is not None and options.input_bits > messages.value:
        detail = f"{options.input_bits} exceeds the {messages.value:g} bits of {hardware.name}"
        problems.append(Diagnostic("input_bits", "range", detail))
    if not 1 <= options.margin < float("inf"):
        problems.append(Diagnostic("margin", "range", f"{options.margin} is not in 1..inf"))
    if not 0 <= options.tolerance <= 1:
        problems.append(Diagnostic("tolerance", "range", f"{options.tolerance} is not in 0..1"))
    for name, choices in (("objective", Objective), ("signs", Signs), ("rounding", Rounding)):
        given = getattr(options, name)
        if given not in get_args(choices):
            detail = f"{given!r} is not one of {', '.join(get_args(choices))}"
            problems.append(Diagnostic(name, "choice", detail))
    if options.signs == "split" and options.form == "netx":
        detail = "split needs two synapses between layers, a netx file has one"
        problems.append(Diagnostic("signs", "netx", detail))
    if problems:
        raise ConfigError(problems)


def _bits(program: Program, hardware: Hardware, options: Options) -> Iterator[Diagnostic]:
    given = options.weight_bits
    if given == "auto":
        return
    widest = min(hardware.limit("weight_bits"), WIDEST)
    each = given if isinstance(given, Mapping) else {"weight_bits": given}
    for name, bits in each.items():
        if not isinstance(bits, int) or not 1 <= bits <= widest:
            yield Diagnostic(name, "range", f"{bits} is not in 1..{widest}")
    if isinstance(given, Mapping):
        known = [n.name for n in program.neurons] + [s.name for s in program.synapses]
        for name in sorted(set(given) - set(known)):
            detail = f"is no population or synapse; known: {', '.join(known)}"
            yield Diagnostic(f"weight_bits {name}", "name", detail)


def _widths(hardware: Hardware) -> Iterator[Diagnostic]:
    for name, width in ARITHMETIC.items():
        stated = hardware.limits.get(name)
        if stated is not None and stated.value != width:
            detail = f"{name} is {stated.value:g}, the compiler's integers have {width}"
            yield Diagnostic(f"hardware {hardware.name}", "arithmetic", detail)
