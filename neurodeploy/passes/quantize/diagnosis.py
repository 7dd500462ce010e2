"""What integers did to a real Program, population by population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from neurodeploy.ir.arithmetic import DECAY_UNITY, DU_OFFSET, MANTISSA_SHIFT, STATE_LIMIT
from neurodeploy.ir.neurons.s4d import ONE
from neurodeploy.ir.program import Neuron, Port, Program
from neurodeploy.passes.quantize.alone import Alone, Simulate, disagreement
from neurodeploy.passes.quantize.assembly import fed_from_outside, message_port, message_unit
from neurodeploy.passes.quantize.layer import Calibration, LayerReport
from neurodeploy.passes.quantize.options import Objective
from neurodeploy.passes.quantize.weights import WeightError, weight_error


def diagnosed(
    real: Program,
    fixed: Program,
    calibration: Calibration,
    objective: Objective,
    simulate: Simulate | None,
    rounding: Mapping[str, str],
) -> tuple[LayerReport, ...]:
    """A report per population of `fixed`, whose delays are those of `real`.

    calibration: a run of `real`; rounding: the word for how its weights became integers, by
    population. Without `simulate` or a kept run the disagreements are None.
    """
    measured = in_network(fixed, calibration, simulate) if simulate else {}
    sources = {p.name: p for p in fixed.inputs}
    sources |= {n.name: message_port(n) for n in fixed.neurons if fixed.is_graded(n.name)}
    reports = []
    for n in real.neurons:
        alone = None
        if simulate and fed_from_outside(real, n.name, calibration):
            one = Alone(real, n.name, sources, calibration, objective, simulate)
            alone = one.judged(fixed.neuron(n.name), fixed.incoming(n.name)).disagreement
        report = _parameters(real, fixed, n, sources, calibration.peaks[n.name])
        found, saturations = measured.get(n.name, (None, None))
        reports.append(
            replace(
                report,
                predicted=alone,
                measured=found,
                saturations=saturations,
                rounding=rounding[n.name],
            )
        )
    return tuple(reports)


def in_network(
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


def _parameters(
    real: Program, fixed: Program, neuron: Neuron, sources: Mapping[str, Port], peak: float
) -> LayerReport:
    """What the stored integers alone tell."""
    stored = fixed.neuron(neuron.name)
    pairs = list(zip(real.incoming(neuron.name), fixed.incoming(neuron.name), strict=True))
    errors: dict[str, WeightError] = {}
    for before, after in pairs:
        port = sources.get(before.source)
        unit = message_unit(port) if port else 1.0
        scale = stored.scale / (1 << MANTISSA_SHIFT) / unit
        errors[after.name] = weight_error(before, after, scale)
    return LayerReport(
        name=neuron.name,
        scale=stored.scale,
        weight_bits={s.name: s.num_weight_bits for _, s in pairs},
        weight_exp={s.name: s.weight_exp for _, s in pairs},
        weight_error={name: error.relative for name, error in errors.items()},
        cut_weights=sum(error.cut for error in errors.values()),
        decay_error=_decay_error(neuron, stored),
        threshold_error=_threshold_error(neuron, stored),
        headroom=STATE_LIMIT / max(peak * stored.scale, 1.0),
    )


def _decay_error(real: Neuron, fixed: Neuron) -> float:
    """Largest |rounded - real| of du and dv, of s4d of the parts of a."""
    units = {"du": (DU_OFFSET, DECAY_UNITY), "dv": (0, DECAY_UNITY), "a_re": (0, ONE)}
    units["a_im"] = units["a_re"]
    gaps = [
        np.abs((np.asarray(fixed.params[key]) + offset) / unity - real.params[key]).max()
        for key, (offset, unity) in units.items()
        if key in real.params
    ]
    return float(max(gaps, default=0.0))


def _threshold_error(real: Neuron, fixed: Neuron) -> float:
    """Relative, the largest."""
    scale, worst = fixed.scale / (1 << MANTISSA_SHIFT), 0.0
    for key in ("vth", "subtract"):
        wanted = np.asarray(real.params.get(key, 0.0), dtype=np.float64) * scale
        errors = np.abs(np.asarray(fixed.params.get(key, 0)) - wanted)[wanted > 0]
        worst = max(worst, float((errors / wanted[wanted > 0]).max(initial=0.0)))
    return worst
