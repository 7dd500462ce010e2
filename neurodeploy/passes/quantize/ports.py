"""Inputs of a fixed Program: bare spikes, or graded integers of the width that was asked for."""

from __future__ import annotations

from dataclasses import replace

from neurodeploy.errors import Diagnostic, QuantizationError, ResourceError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Port, Program
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.options import Options


def fixed_port(port: Port, calibration: Calibration, options: Options) -> Port:
    low, high, binary = calibration.ports[port.name]
    where = f"input {port.name}"
    if low == high == 0:
        detail = "calibration input is all zero: its range is unknown"
        raise QuantizationError(Diagnostic(where, "calibration", detail))
    if binary:
        return replace(port, num_message_bits=0, scale=1.0)
    if low < 0 and options.input_bits == 1:
        detail = f"1 bit holds no sign, and the input goes down to {low:g}"
        raise QuantizationError(Diagnostic(where, "input-bits", detail, "give it 2 bits or more"))
    graded = replace(port, num_message_bits=options.input_bits, signed=low < 0)
    smallest, largest = graded.limits
    room = [largest / high] if high > 0 else []
    room += [smallest / low] if low < 0 else []
    return replace(graded, scale=float(min(room)))


def require_graded(program: Program, hardware: Hardware) -> None:
    """ResourceError if the Program needs graded messages and the chip has none."""
    graded = [p for p in program.inputs if p.num_message_bits > 0]
    if graded and "message_bits" not in hardware.limits:
        raise ResourceError(
            [
                Diagnostic(
                    f"input {p.name}",
                    "graded-spikes",
                    f"needs {p.num_message_bits}-bit messages, {hardware.name} sends bare spikes",
                    "choose a chip with graded spikes (loihi2), or encode the input as spikes",
                )
                for p in graded
            ]
        )
