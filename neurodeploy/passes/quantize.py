"""Program(real) to Program(fixed): Loihi's integers, one scale per population.

A population's scale s (integers per real membrane unit, before the chip's << 6) is the largest
that keeps, over the calibration data times `margin`, every state within 24 bits, the threshold
within its mantissa and the bias within mantissa and exponent, and that puts the largest weight of
its widest synapse onto the largest mantissa. Per population:
    weight   w s / (x 2^weight_exp)   x: integers per real unit of a message, 1 for spikes
    vth      round(vth s)             subtract likewise
    bias     round(64 s bias / 2^bias_exp)
    du, dv   round(4096 d) - 1 and round(4096 d), the chip adds 1 to du
Weights round to nearest even-step integers (the sign costs a bit, so mixed-sign weights are even).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, log2
from typing import Any, Literal

import numpy as np

from neurodeploy.errors import ConfigError, Diagnostic, QuantizationError, ResourceError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.arithmetic import (
    BIAS_EXP_MAX,
    BIAS_MANTISSA_MAX,
    DECAY_UNITY,
    DU_OFFSET,
    MANTISSA_SHIFT,
    STATE_LIMIT,
    THRESHOLD_MANTISSA_MAX,
)
from neurodeploy.ir.program import Neuron, Port, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
Form = Literal["chip", "netx"]
NETX_BIAS_EXP = 6
ARITHMETIC = {
    "decay_bits": 12,
    "vth_bits": 17,
    "bias_mant_bits": 13,
    "bias_exp_bits": 3,
    "state_bits": 24,
}
"""Widths that ir.arithmetic has built in: a chip that states others is refused, not rounded to."""


@dataclass(frozen=True)
class Calibration:
    """Ranges in real arithmetic: per port (low, high, binary), per population the peak state."""

    ports: Mapping[str, tuple[float, float, bool]]
    peaks: Mapping[str, float]


@dataclass(frozen=True)
class Options:
    """weight_bits: 1..8; input_bits: width of graded inputs; margin: state head-room as a factor;
    form "netx": what lava-dl's format can say (weight_exp 0, bias_exp 6)."""

    weight_bits: int = 8
    input_bits: int = 8
    margin: float = 1.5
    form: Form = "chip"


@dataclass(frozen=True)
class LayerReport:
    """What rounding did to a population: relative errors and the head-room of its states.

    weight_error: root mean square of the weight error over that of the weights, per synapse;
    decay_error: largest |rounded - real| of du and dv; threshold_error: relative;
    headroom: 2^23 over the calibrated peak in integers.
    """

    name: str
    scale: float
    weight_error: Mapping[str, float]
    decay_error: float
    threshold_error: float
    headroom: float


def quantize(
    program: Program, hardware: Hardware, calibration: Calibration, options: Options | None = None
) -> tuple[Program, tuple[LayerReport, ...]]:
    """The fixed Program (delays as in the real one) and a report per population.

    Raises QuantizationError for what the chip's integers cannot hold, ConfigError for options that
    are out of range.
    """
    options = options or Options()
    _check_options(hardware, options)
    _check(program, options)
    ports = tuple(_port(p, calibration, options) for p in program.inputs)
    units = {p.name: p.scale if p.num_message_bits else 1.0 for p in ports}
    neurons: list[Neuron] = []
    synapses: list[Synapse] = []
    reports: list[LayerReport] = []
    problems: list[Diagnostic] = []
    for neuron in program.neurons:
        incoming = program.incoming(neuron.name)
        peak = calibration.peaks[neuron.name]
        scale = _scale(neuron, incoming, peak, units, options, hardware)
        fixed, decay_error, threshold_error = _neuron(neuron, scale, options)
        done = [_synapse(s, scale / units.get(s.source, 1.0), options, hardware) for s in incoming]
        problems += _vanished(neuron, fixed, incoming, tuple(s for s, _ in done))
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


def _check_options(hardware: Hardware, options: Options) -> None:
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


def _check(program: Program, options: Options) -> None:
    problems = []
    for synapse in program.synapses:
        if options.weight_bits == 1 and _signs(synapse.weight_values) == 2:
            detail = "1 bit holds no sign, and the weights have both"
            where = f"synapse {synapse.name}"
            problems.append(Diagnostic(where, "weight-bits", detail, "give it 2 bits or more"))
        if synapse.source not in {p.name for p in program.inputs} and program.is_graded(
            synapse.source
        ):
            detail = f"{synapse.source} is a read-out membrane and feeds {synapse.target}"
            hint = "let a spiking population feed on, or read the membrane out only"
            problems.append(Diagnostic(f"synapse {synapse.name}", "graded-source", detail, hint))
    for neuron in program.neurons:
        for key in ("du", "dv", "vth", "subtract"):
            value = np.asarray(neuron.params.get(key, 0.0))
            if np.ptp(value) > 0:
                detail = f"{key} ranges {value.min():g}..{value.max():g} within one population"
                hint = "the chip keeps one value per population here: train one value per layer"
                problems.append(Diagnostic(f"neuron {neuron.name}", "uniform", detail, hint))
        if np.min(neuron.params.get("vth", 0.0)) < 0:
            detail = f"vth = {np.min(neuron.params['vth']):g} is negative, its mantissa unsigned"
            problems.append(Diagnostic(f"neuron {neuron.name}", "vth", detail))
    if problems:
        raise QuantizationError(problems)


def _port(port: Port, calibration: Calibration, options: Options) -> Port:
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


def _mantissa_max(weights: Array, options: Options) -> int:
    """Largest magnitude that both signs reach: 256 - step for mixed signs, 256 - step for one."""
    return 256 - _step(weights, options)


def _step(weights: Array, options: Options) -> int:
    return 1 << (8 - options.weight_bits + int(_signs(weights) == 2))


def _signs(weights: Array) -> int:
    return int(np.any(weights > 0)) + int(np.any(weights < 0))


def _scale(
    neuron: Neuron,
    incoming: tuple[Synapse, ...],
    peak: float,
    units: Mapping[str, float],
    options: Options,
    hardware: Hardware,
) -> float:
    """s: the largest scale that the calibrated range allows, aligned to the widest synapse."""
    limits = [(STATE_LIMIT - 1) / (1 << MANTISSA_SHIFT) / (options.margin * max(peak, 1e-30))]
    for key in ("vth", "subtract"):
        value = float(np.max(neuron.params.get(key, 0.0)))
        limits += [THRESHOLD_MANTISSA_MAX / value] if value > 0 else []
    bias = float(np.abs(neuron.params["bias"]).max())
    if bias > 0:
        exponent = NETX_BIAS_EXP if options.form == "netx" else BIAS_EXP_MAX
        largest = BIAS_MANTISSA_MAX * 2.0**exponent / (1 << MANTISSA_SHIFT)
        limits.append(largest / bias)
    high = _exponents(options, hardware)[1]
    for synapse in incoming:
        weights = synapse.weight_values
        top = float(np.abs(weights).max(initial=0.0)) / units.get(synapse.source, 1.0)
        limits += [_mantissa_max(weights, options) * 2.0**high / top] if top > 0 else []
    ceiling = min(limits)
    if not np.isfinite(ceiling) or ceiling <= 0:
        detail = "no finite scale: weights, biases and states are all zero or not finite"
        raise QuantizationError(Diagnostic(f"neuron {neuron.name}", "scale", detail))
    return _aligned(ceiling, incoming, units, options, hardware)


def _aligned(
    ceiling: float,
    incoming: tuple[Synapse, ...],
    units: Mapping[str, float],
    options: Options,
    hardware: Hardware,
) -> float:
    if not incoming:
        return min(ceiling, float(THRESHOLD_MANTISSA_MAX))
    main = max(incoming, key=lambda s: s.weight_values.size)
    weights = main.weight_values
    top = float(np.abs(weights).max(initial=0.0)) / units.get(main.source, 1.0)
    if top == 0:
        return ceiling
    unit = _mantissa_max(weights, options) / top
    exponent = floor(log2(ceiling / unit) + 1e-9)
    low, high = _exponents(options, hardware)
    if exponent < low:
        return ceiling  # the exponent cannot follow: mantissas shrink instead
    return float(unit * 2.0 ** min(exponent, high))


def _exponents(options: Options, hardware: Hardware) -> tuple[int, int]:
    if options.form == "netx":
        return 0, 0
    return hardware.limit("weight_exp_min"), hardware.limit("weight_exp_max")


def _synapse(
    synapse: Synapse, scale: float, options: Options, hardware: Hardware
) -> tuple[Synapse, float]:
    """Mantissas and exponent of one synapse, and its relative weight error."""
    real = synapse.weight_values * scale
    top = float(np.abs(real).max(initial=0.0))
    low, high = _exponents(options, hardware)
    exponent = low
    if top > 0:
        exponent = ceil(log2(top / _mantissa_max(real, options)) - 1e-9)
        exponent = min(max(exponent, low), high)
    step = _step(real, options)
    limit = _mantissa_max(real, options)
    rounded = step * np.rint(real / 2.0**exponent / step)
    mantissas = np.clip(rounded, -limit, limit).astype(np.int32)
    error = mantissas * 2.0**exponent - real
    power = float(np.sqrt(np.mean(real**2))) if real.size else 0.0
    relative = float(np.sqrt(np.mean(error**2))) / power if power > 0 else 0.0
    fixed = replace(
        synapse,
        weights=_with_values(synapse, mantissas),
        weight_exp=exponent,
        num_weight_bits=options.weight_bits,
    )
    return fixed, relative


def _with_values(synapse: Synapse, values: Array) -> Any:
    if synapse.kind != "sparse":
        return values.reshape(np.shape(synapse.weights))
    matrix = synapse.weights.astype(np.int32)
    matrix.data = values
    return matrix


def _neuron(neuron: Neuron, scale: float, options: Options) -> tuple[Neuron, float, float]:
    """The fixed population, its largest decay error and its relative threshold error."""
    real = {k: np.asarray(v, dtype=np.float64) for k, v in neuron.params.items()}
    du, dv = float(real["du"].flat[0]), float(real["dv"].flat[0])
    params: dict[str, Any] = {
        "du": int(np.clip(np.rint(du * DECAY_UNITY) - DU_OFFSET, 0, DECAY_UNITY - 1)),
        "dv": int(np.clip(np.rint(dv * DECAY_UNITY), 0, DECAY_UNITY - 1)),
        "v_init": np.rint(real["v_init"] * scale * (1 << MANTISSA_SHIFT)).astype(np.int64),
    }
    decay_error = max(
        abs((params["du"] + DU_OFFSET) / DECAY_UNITY - du), abs(params["dv"] / DECAY_UNITY - dv)
    )
    threshold_error = 0.0
    for key in ("vth", "subtract"):
        if key in real:
            wanted = float(real[key].flat[0]) * scale
            params[key] = int(np.rint(wanted))
            if wanted > 0:
                threshold_error = max(threshold_error, abs(params[key] - wanted) / wanted)
    params |= _bias(real["bias"] * scale * (1 << MANTISSA_SHIFT), options)
    state_scale = scale * (1 << MANTISSA_SHIFT)
    return replace(neuron, params=params, scale=state_scale), decay_error, threshold_error


def _vanished(
    real: Neuron, fixed: Neuron, before: tuple[Synapse, ...], after: tuple[Synapse, ...]
) -> list[Diagnostic]:
    """What rounding leaves nothing of: a threshold, or all weights that lead to a population."""
    where = f"neuron {real.name}"
    hint = "the states are too large beside it: lower the weights or the margin"
    problems = [
        Diagnostic(where, "rounds-to-zero", f"{key} = {np.max(real.params[key]):g}", hint)
        for key in ("vth", "subtract")
        if np.max(real.params.get(key, 0.0)) > 0 and fixed.params[key] == 0
    ]
    given, left = (any(np.any(s.weight_values) for s in group) for group in (before, after))
    if given and not left:
        problems.append(Diagnostic(where, "rounds-to-zero", "every weight that leads to it", hint))
    return problems


def _bias(bias: Array, options: Options) -> dict[str, Any]:
    top = float(np.abs(bias).max())
    exponent = 0
    if options.form == "netx":
        exponent = NETX_BIAS_EXP
    elif top > BIAS_MANTISSA_MAX:
        exponent = min(ceil(log2(top / BIAS_MANTISSA_MAX) - 1e-12), BIAS_EXP_MAX)
    mantissa = np.rint(bias / 2.0**exponent).astype(np.int64)
    return {"bias": np.clip(mantissa, -BIAS_MANTISSA_MAX, BIAS_MANTISSA_MAX), "bias_exp": exponent}


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
