"""Hardware time: every synapse delivers at least one step after its source fired.

A population at latency L lives L steps late: logical step t happens at step t + L. A synapse of
logical delay d from S to P then has hardware delay L(P) - L(S) + d, which must be at least 1; short
branches of a join get the difference as an axonal delay, so that no spike meets another's step.

A population would integrate its bias, and lose of its `v_init`, during the L steps before its first
input. Its v starts at the value that bias and decay carry to exactly `v_init` in L steps; the decay
reaches every integer, so that value exists. Where it lies beyond the threshold or the register, the
bias arrives with the input instead, from a neuron that fires at every step: 64 q + r as q, of which
7 bits and the rest are weights of their own exponents, and r, from -32 to 31, as the
rest. The same where a membrane is a message to a synapse of some logical delay, which would read it
before the first step: there it has to be 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.errors import Diagnostic, ResourceError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.arithmetic import (
    DECAY_UNITY,
    DU_OFFSET,
    MANTISSA_SHIFT,
    STATE_LIMIT,
    decayed,
    effective_bias,
    nearest,
)
from neurodeploy.ir.neurons import integers
from neurodeploy.ir.program import Neuron, Program, Synapse, forward_synapses

Array = np.ndarray[Any, np.dtype[Any]]
LOW_BITS = 7  # the largest exponent of a weight


def retime(program: Program, hardware: Hardware) -> Program:
    """The same integers with hardware delays. Raises ResourceError for a delay beyond the chip's.

    What cannot start up exactly is said in `notes`.
    """
    late = _latencies(program)
    delays = _delays(program, late)
    problems = delay_problems(program, hardware, delays)
    if problems:
        raise ResourceError(problems)
    neurons: list[Neuron] = []
    synapses = [replace(s, delay=delays[s.name]) for s in program.synapses]
    notes: list[str] = []
    starts = program.meta.get("form") != "netx"  # that format starts every membrane at 0
    reach = hardware.limit("delay_max") + 1
    taken = set(program.shapes)
    delayed = {s.source for s in program.synapses if s.delay and program.is_graded(s.source)}
    for neuron in program.neurons:
        timed = replace(neuron, latency=late[neuron.name])
        silent = neuron.name in delayed
        started = _with_start(timed, starts, silent)
        if started is None and starts and timed.latency <= reach and _without_current(timed):
            source = _bias_neuron(f"{neuron.name}.bias", taken)
            started = _with_start(_remainder(timed), starts, silent)
            if started is not None:
                neurons.append(source)
                synapses += _bias_synapses(timed, source.name)
        if started is None:
            started = timed
            notes.append(
                f"{neuron.name}: integrates its bias, or decays, for {timed.latency} steps before "
                "its first input; the first outputs differ from the real network's"
            )
        neurons.append(started)
    return replace(
        program,
        synapses=tuple(synapses),
        neurons=tuple(neurons),
        notes=(*program.notes, *notes),
    )


def hardware_delays(program: Program) -> dict[str, int]:
    """Steps of every synapse on the chip, by name; of a retimed Program its delays as they are."""
    if program.arithmetic == "fixed" and all(s.delay >= 1 for s in program.synapses):
        return {s.name: s.delay for s in program.synapses}
    return _delays(program, _latencies(program))


def delay_problems(
    program: Program, hardware: Hardware, delays: Mapping[str, int]
) -> list[Diagnostic]:
    """Synapses whose delay on the chip, by name, the chip cannot have."""
    longest = hardware.limit("delay_max")
    problems = []
    for synapse in program.synapses:
        delay, where = delays[synapse.name], f"synapse {synapse.name}"
        if delay < 1:
            detail = f"feedback over {synapse.delay - delay + 1} layers takes that long"
            hint = "feed back within one population, or delay the edge by as many steps"
            problems.append(Diagnostic(where, "feedback-latency", detail, hint))
        elif delay - 1 > longest:
            detail = f"a delay of {delay - 1} steps, {hardware.name} has at most {longest}"
            waits = delay - synapse.delay
            hint = "shorten it"
            if waits > 1:
                detail += f"; {waits - 1} of them wait for a longer branch"
                hint = f"put neurons into this branch, which has {waits - 1} fewer than the other"
            problems.append(Diagnostic(where, "delay", detail, hint))
    return problems


def _delays(program: Program, late: dict[str, int]) -> dict[str, int]:
    return {s.name: late[s.target] - late[s.source] + s.delay for s in program.synapses}


def _latencies(program: Program) -> dict[str, int]:
    """The longest forward path from an input, one step per synapse; own delays stay logical."""
    late = {port.name: 0 for port in program.inputs}
    forward = forward_synapses(program)
    for name in program.order:
        late[name] = max((late[s.source] + 1 for s in forward if s.target == name), default=0)
    return late


def _with_start(neuron: Neuron, starts: bool, silent: bool) -> Neuron | None:
    """`neuron` with the v that bias and decay turn into `v_init` within its latency; None where
    there is none, or where it needs one and nothing `starts` at a v of its own. A `silent` one
    sends messages of 0 until then."""
    if "v_init" not in neuron.params:
        return neuron
    bias = _bias(neuron)
    latency = neuron.latency
    if latency == 0 or not (np.any(bias) or np.any(neuron.params["v_init"])):
        return neuron
    keep = DECAY_UNITY - np.asarray(neuron.params["dv"], dtype=np.int64)
    target = np.broadcast_to(np.asarray(neuron.params["v_init"], dtype=np.int64), neuron.shape)
    path = _staying(target, bias, keep, latency)
    if path is None:
        path = [target]
        for _ in range(latency):
            path.append(_before(path[-1] - bias, keep))
    threshold = neuron.params.get("vth")
    limit = STATE_LIMIT - 1 if threshold is None else integers(threshold) << MANTISSA_SHIFT
    too_large = np.abs(path[-1]).max() >= STATE_LIMIT or any(np.any(p > limit) for p in path[:-1])
    if silent and any(np.any(nearest(p, MANTISSA_SHIFT)) for p in path[:-1]):
        return None
    if too_large or not (starts or np.array_equal(path[-1], target)):
        return None
    for earlier, later in zip(path[:0:-1], path[-2::-1], strict=True):
        assert np.array_equal(decayed(earlier, DECAY_UNITY - keep) + bias, later)
    return replace(neuron, params={**neuron.params, "v_init": path[-1]})


def _staying(target: Array, bias: Array, keep: Array, latency: int) -> list[Array] | None:
    """v from the last step back to the start at `target`, where what bias and decay have made of it
    decays in the next step to what `target` does."""
    path = [target]
    for _ in range(latency):
        path.append(decayed(path[-1], DECAY_UNITY - keep) + bias)
    same = decayed(path[-1], DECAY_UNITY - keep) == decayed(target, DECAY_UNITY - keep)
    return path[::-1] if np.all(same) else None


def _bias(neuron: Neuron) -> Array:
    return effective_bias(neuron.params["bias"], int(neuron.params["bias_exp"]))


def _without_current(neuron: Neuron) -> bool:
    """Whether an input leaves the current again within its step."""
    return bool(np.all(np.asarray(neuron.params["du"]) + DU_OFFSET == DECAY_UNITY))


def _remainder(neuron: Neuron) -> Neuron:
    """With what of its bias is no whole input."""
    rest = _bias(neuron) - (_whole(neuron) << MANTISSA_SHIFT)
    return replace(neuron, params={**neuron.params, "bias": rest, "bias_exp": 0})


def _whole(neuron: Neuron) -> Array:
    """Its bias in whole inputs, to the nearest."""
    return nearest(_bias(neuron), MANTISSA_SHIFT)


def _bias_neuron(name: str, taken: set[str]) -> Neuron:
    """It fires at every step."""
    while name in taken:
        name += "'"
    taken.add(name)
    memoryless = {"du": DECAY_UNITY - DU_OFFSET, "dv": DECAY_UNITY - 1, "vth": 0, "v_init": 0}
    one = np.ones(1, dtype=np.int64)
    return Neuron(name, (1,), "cuba_lif", {**memoryless, "bias": one, "bias_exp": 0})


def _bias_synapses(neuron: Neuron, source: str) -> list[Synapse]:
    """The whole inputs of a bias: 7 bits, and what is above them, each sign for itself."""
    whole = np.broadcast_to(_whole(neuron), neuron.shape).reshape(-1, 1)
    above = whole >> LOW_BITS
    parts = {
        "low": (whole & ((1 << LOW_BITS) - 1), 0),
        "high": (np.maximum(above, 0), LOW_BITS),
        "below": (np.minimum(above, 0), LOW_BITS),
    }
    return [
        Synapse(
            f"{source}->{neuron.name} {part}",
            source,
            neuron.name,
            "dense",
            weights,
            delay=neuron.latency,
            weight_exp=exponent,
        )
        for part, (weights, exponent) in parts.items()
        if np.any(weights)
    ]


def _before(value: Array, keep: Array) -> Array:
    """The smallest x (in magnitude) with sign(x) ((|x| keep) >> 12) = value."""
    return np.sign(value) * (-(-np.abs(value) * DECAY_UNITY // keep))
