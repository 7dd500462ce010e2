"""What a user decides about quantization, and whether the chip can do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware

Form = Literal["chip", "netx"]
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
    """weight_bits: 1..8; input_bits: width of graded inputs; margin: state head-room as a factor;
    form "netx": what lava-dl's format can say (weight_exp 0, bias_exp 6)."""

    weight_bits: int = 8
    input_bits: int = 8
    margin: float = 1.5
    form: Form = "chip"


def check_options(hardware: Hardware, options: Options) -> None:
    problems = []
    widest = min(hardware.limit("weight_bits"), 8)
    if not 1 <= options.weight_bits <= widest:
        detail = f"{options.weight_bits} is not in 1..{widest}"
        problems.append(Diagnostic("weight_bits", "range", detail))
    if not 1 <= options.input_bits <= 16:
        problems.append(Diagnostic("input_bits", "range", f"{options.input_bits} is not in 1..16"))
    messages = hardware.limits.get("message_bits")
    if messages is not None and options.input_bits > messages.value:
        detail = f"{options.input_bits} exceeds the {messages.value:g} bits of {hardware.name}"
        problems.append(Diagnostic("input_bits", "range", detail))
    for name, width in ARITHMETIC.items():
        stated = hardware.limits.get(name)
        if stated is not None and stated.value != width:
            detail = f"{name} is {stated.value:g}, the compiler's integers have {width}"
            problems.append(Diagnostic(f"hardware {hardware.name}", "arithmetic", detail))
    if not 1 <= options.margin < float("inf"):
        problems.append(Diagnostic("margin", "range", f"{options.margin} is not in 1..inf"))
    if problems:
        raise ConfigError(problems)
