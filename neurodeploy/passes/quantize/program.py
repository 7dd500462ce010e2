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

from neurodeploy.errors import ConfigError, Diagnostic, QuantizationError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.arithmetic import STATE_LIMIT
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Port, Program
from neurodeploy.passes.quantize.alone import Alone, Simulate, disagreement
from neurodeploy.passes.quantize.layer import Calibration, LayerReport
from neurodeploy.passes.quantize.membrane_error import MembraneError, membrane_errors, why_not
from neurodeploy.passes.quantize.options import Options, check_options
from neurodeploy.passes.quantize.ports import fixed_port
from neurodeploy.passes.quantize.refusals import check_program, vanished
from neurodeploy.passes.quantize.search import Layer, Rounded, rounded

MESSAGE_BITS = 24


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
    ports = {p.name: fixed_port(p, calibration, options) for p in program.inputs}
    units = {p.name: p.scale if p.num_message_bits else 1.0 for p in ports.values()}
    done: dict[str, Rounded] = {}
    problems: list[Diagnostic] = []
    sources = dict(ports)
    for neuron in map(program.neuron, program.order):
        alone = None
        if simulate and _fed_from_outside(program, neuron.name, calibration):
            objective = options.objective
            alone = Alone(program, neuron.name, sources, calibration, objective, simulate)
        layer = _layer(program, neuron, calibration, options, units, alone)
        found = done[neuron.name] = rounded(layer, options, hardware)
        problems += vanished(neuron, found.neuron, layer.incoming, found.synapses)
        if program.is_graded(neuron.name):
            model = NEURON_MODELS[neuron.model]
            unit = model.message_scale(found.neuron.params, found.neuron.scale)
            units[neuron.name] = unit
            sources[neuron.name] = Port(neuron.name, neuron.shape, MESSAGE_BITS, unit, signed=True)
    if problems:
        raise QuantizationError(problems)
    fixed = replace(
        program,
        arithmetic="fixed",
        inputs=tuple(ports.values()),
        neurons=tuple(done[n.name].neuron for n in program.neurons),
        synapses=tuple(s for n in program.neurons for s in done[n.name].synapses),
        meta={**program.meta, "hardware": hardware.name, "form": options.form},
        notes=(*program.notes, *_beyond_tolerance(done, options), *_to_nearest(program, options)),
    )
    measured = _measured(fixed, calibration, simulate) if simulate else {}
    reports = tuple(
        _report(done[n.name], calibration.peaks[n.name], measured.get(n.name))
        for n in program.neurons
    )
    return fixed, reports


def _fed_from_outside(program: Program, name: str, calibration: Calibration) -> bool:
    """Whether there are messages of other populations that it can be run alone with."""
    return bool(calibration.sent) and any(s.source != name for s in program.incoming(name))


def _layer(
    program: Program,
    neuron: Neuron,
    calibration: Calibration,
    options: Options,
    units: Mapping[str, float],
    alone: Alone | None,
) -> Layer:
    errors: tuple[MembraneError, ...] = ()
    if options.rounding == "calibrated" and not why_not(program, neuron.name):
        errors = membrane_errors(program, neuron.name, calibration)
    incoming, peak = program.incoming(neuron.name), calibration.peaks[neuron.name]
    return Layer(neuron, incoming, peak, units, alone, errors)


def _to_nearest(program: Program, options: Options) -> list[str]:
    """A note for each population that calibrated rounding was asked for in vain."""
    if options.rounding == "nearest":
        return []
    reasons = ((n.name, why_not(program, n.name)) for n in program.neurons)
    return [f"{name}: weights rounded to the nearest: {why}" for name, why in reasons if why]


def _beyond_tolerance(done: Mapping[str, Rounded], options: Options) -> list[str]:
    """A note for each population that no number of bits brings within the tolerance."""
    if options.weight_bits != "auto":
        return []
    return [
        f"{name}: {found.disagreement:.2%} disagreement with the most weight bits, above the "
        f"tolerance of {options.tolerance:.2%}"
        for name, found in done.items()
        if found.disagreement is not None and found.disagreement > options.tolerance
    ]


def _measured(
    fixed: Program, calibration: Calibration, simulate: Simulate
) -> dict[str, tuple[float, int]]:
    """Disagreement and saturations of each population in a run of the whole fixed Program."""
    if not calibration.sent:
        return {}
    names = tuple(n.name for n in fixed.neurons)
    inputs = {p.name: calibration.sent[p.name] for p in fixed.inputs}
    trace = simulate(replace(fixed, outputs=names), inputs, ())
    return {
        n.name: (
            disagreement(calibration.sent[n.name], trace.real(n.name), fixed.is_graded(n.name)),
            n.saturations,
        )
        for n in trace.counts.neurons
    }


def _report(found: Rounded, peak: float, measured: tuple[float, int] | None) -> LayerReport:
    return LayerReport(
        name=found.neuron.name,
        scale=found.neuron.scale,
        weight_bits={s.name: s.num_weight_bits for s in found.synapses},
        weight_exp={s.name: s.weight_exp for s in found.synapses},
        weight_error={name: error.relative for name, error in found.weight_errors.items()},
        cut_weights=sum(error.cut for error in found.weight_errors.values()),
        decay_error=found.decay_error,
        threshold_error=found.threshold_error,
        headroom=STATE_LIMIT / max(peak * found.neuron.scale, 1.0),
        predicted=found.disagreement,
        measured=measured[0] if measured else None,
        saturations=measured[1] if measured else None,
        rounding=found.rounding,
    )
