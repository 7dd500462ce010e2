"""Program(real) to Program(fixed): Loihi's integers, one scale per population.

A population's scale s (integers per real membrane unit, before the chip's << 6) is the largest
that keeps, over the calibration data times `margin`, every state within 24 bits, the threshold
within its mantissa and the bias within mantissa and exponent, and that puts the largest weight of
its widest synapse onto the largest mantissa. Per population:
    weight   w s / (x 2^weight_exp)   x: integers per real unit of a message, 1 for spikes
    vth      round(vth s)             subtract likewise; per neuron, if they differ, as the decays
    bias     round(64 s bias / 2^bias_exp)
    du, dv   round(4096 d) - 1 and round(4096 d), the chip adds 1 to du
Weights round to nearest even-step integers (the sign costs a bit, so mixed-sign weights are even).
"""

from __future__ import annotations

from dataclasses import replace

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.arithmetic import STATE_LIMIT
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.passes.quantize.layer import Calibration, LayerReport
from neurodeploy.passes.quantize.neurons import fixed_neuron
from neurodeploy.passes.quantize.options import Options, check_options
from neurodeploy.passes.quantize.ports import fixed_port
from neurodeploy.passes.quantize.refusals import check_program, vanished
from neurodeploy.passes.quantize.scale import scale_of
from neurodeploy.passes.quantize.weights import fixed_synapse


def quantize(
    program: Program, hardware: Hardware, calibration: Calibration, options: Options | None = None
) -> tuple[Program, tuple[LayerReport, ...]]:
    """The fixed Program (delays as in the real one) and a report per population.

    Raises QuantizationError for what the chip's integers cannot hold, ConfigError for options that
    are out of range.
    """
    options = options or Options()
    check_options(hardware, options)
    check_program(program, options)
    ports = tuple(fixed_port(p, calibration, options) for p in program.inputs)
    units = {p.name: p.scale if p.num_message_bits else 1.0 for p in ports}
    neurons: list[Neuron] = []
    synapses: list[Synapse] = []
    reports: list[LayerReport] = []
    problems: list[Diagnostic] = []
    for neuron in program.neurons:
        incoming = program.incoming(neuron.name)
        peak = calibration.peaks[neuron.name]
        scale = scale_of(neuron, incoming, peak, units, options, hardware)
        fixed, decay_error, threshold_error = fixed_neuron(neuron, scale, options)
        done = [
            fixed_synapse(s, scale / units.get(s.source, 1.0), options, hardware) for s in incoming
        ]
        problems += vanished(neuron, fixed, incoming, tuple(s for s, _ in done))
        neurons.append(fixed)
        synapses += [s for s, _ in done]
        reports.append(
            LayerReport(
                name=neuron.name,
                scale=fixed.scale,
                weight_error={s.name: error for s, error in done},
                decay_error=decay_error,
                threshold_error=threshold_error,
                headroom=STATE_LIMIT / max(peak * fixed.scale, 1.0),
            )
        )
    if problems:
        raise QuantizationError(problems)
    meta = {**program.meta, "hardware": hardware.name, "form": options.form}
    fixed_program = replace(
        program,
        arithmetic="fixed",
        inputs=ports,
        neurons=tuple(neurons),
        synapses=tuple(synapses),
        meta=meta,
    )
    return fixed_program, tuple(reports)
