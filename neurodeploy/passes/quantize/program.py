"""Program(real) to Program(fixed): Loihi's integers, one scale per population.

A population's scale s (integers per real membrane unit, before the chip's << 6) keeps, over the
calibration data times `margin`, every state within 24 bits, the threshold within its mantissa and
the bias within mantissa and exponent. Of one octave of such scales it is the one at which the
population, fed what the real Program sends, agrees best with the real one. Per population:
    weight   w s / (x 2^weight_exp)   x: integers per real unit of a message, 1 for spikes
    vth      round(vth s)             subtract likewise; per neuron, if they differ, as the decays
    bias     round(64 s bias / 2^bias_exp)
    du, dv   round(4096 d) - 1 and round(4096 d), the chip adds 1 to du
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize.alone import Simulate
from neurodeploy.passes.quantize.assembly import Assembly
from neurodeploy.passes.quantize.diagnosis import diagnosed, in_network
from neurodeploy.passes.quantize.fewest_bits import fewest_bits
from neurodeploy.passes.quantize.forms import why_not
from neurodeploy.passes.quantize.layer import Calibration, LayerReport
from neurodeploy.passes.quantize.options import WIDEST, Options, check_options
from neurodeploy.passes.quantize.refusals import check_program


def quantize(
    program: Program,
    hardware: Hardware,
    calibration: Calibration,
    options: Options | None = None,
    simulate: Simulate | None = None,
) -> tuple[Program, tuple[LayerReport, ...]]:
    """The fixed Program (delays as in the real one) and a report per population.

    simulate: runs fixed Programs, for the scale search and the disagreements; without it, or
    without a run in the calibration, the first scale of each population is taken.
    Raises QuantizationError for what the chip's integers cannot hold, ConfigError for options that
    are out of range.
    """
    options = options or Options()
    check_options(program, hardware, options)
    if options.rounding == "calibrated" and not calibration.sent:
        raise ConfigError(Diagnostic("rounding", "calibration", "calibrated needs a kept run"))
    check_program(program, options)
    assembly = Assembly(program, hardware, calibration, options, simulate)
    bits = {s.name: options.bits_of(s) for s in program.synapses}
    if options.weight_bits == "auto" and simulate and calibration.sent:
        run = simulate

        def within(tried: Mapping[str, int]) -> bool:
            fixed = assembly.fixed(tried)
            return _of_outputs(fixed, calibration, run) <= options.tolerance

        bits = fewest_bits(program, min(hardware.limit("weight_bits"), WIDEST), within)
    fixed = assembly.fixed(bits)
    reasons = {n.name: why_not(program, n.name) for n in program.neurons}
    calibrated = options.rounding == "calibrated"
    rounding = {
        name: "calibrated" if calibrated and not why else "nearest" for name, why in reasons.items()
    }
    reports = diagnosed(program, fixed, calibration, options.objective, simulate, rounding)
    notes = [*_beyond_tolerance(program, reports, options)]
    notes += [
        f"{name}: weights rounded to the nearest: {why}"
        for name, why in reasons.items()
        if calibrated and why
    ]
    return replace(fixed, notes=(*program.notes, *notes)), reports


def _of_outputs(fixed: Program, calibration: Calibration, simulate: Simulate) -> float:
    """The largest disagreement of an output of the whole fixed Program."""
    measured = in_network(fixed, calibration, simulate)
    return max(measured[name][0] for name in fixed.outputs)


def _beyond_tolerance(
    program: Program, reports: tuple[LayerReport, ...], options: Options
) -> list[str]:
    """A note for each output that no number of bits brings within the tolerance."""
    if options.weight_bits != "auto":
        return []
    return [
        f"{layer.name}: {layer.measured:.2%} disagreement with the most weight bits, above the "
        f"tolerance of {options.tolerance:.2%}"
        for layer in reports
        if layer.name in program.outputs
        and layer.measured is not None
        and layer.measured > options.tolerance
    ]
