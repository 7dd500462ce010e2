"""s4d: diagonal complex state space, one complex state (mode) per neuron; read out at every step.

Real, per step, input x (real):
    z = a z + x;  y = Re(c z);  the output is y
S4D (Gu et al. 2022, "On the Parameterization and Initialization of Diagonal State Space Models")
is z' = A z + B u, y = 2 Re(C z) + D u, where a mode stands for a conjugate pair. Over a step d with
the input held, a = exp(d A) and the input counts (a - 1) / A B times, which `zero_order_hold` puts
into c, so that x is real. The sum over the modes of a channel and D u are synapses to what follows.

Fixed: z in two 24-bit registers at 64 s integers a unit, where the input arrives << 6 as in Lava's
LIF and which clip; a and c 2^-c_exp in 24 bits with 22 behind the point (Q2.22); products exact,
their sum rounded to nearest once, halves up; y = Re(c z), at most 2^18, at s 2^-c_exp a unit.

Error where nothing clips, in integers: rounding a moves it by at most q = 2^-22.5, c likewise, and
each step z by at most sqrt(1/2). With |z| <= Z, |a| + q < 1 and c' = |c 2^-c_exp|
    |z_fixed - z| <= E = (q Z + sqrt(1/2)) / (1 - |a| - q)
    |y_fixed - y| <= ((c' + q) E + q Z) / 64 + 1/2
The multiplications are 24 x 24 bits into 48: what a chip's microcode has there is not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, clipped, nearest
from neurodeploy.ir.neurons.model import (
    NEURON_MODELS,
    Array,
    Constants,
    Cost,
    Parameter,
    Params,
    State,
    Update,
)

FRACTION_BITS = 22
ONE = 1 << FRACTION_BITS
OUTPUT_SHIFT = FRACTION_BITS + MANTISSA_SHIFT
COEFFICIENT = Parameter(-ONE, ONE, per_neuron=True)


def zero_order_hold(A: Array, B: Array, C: Array, step: Array | float) -> dict[str, Array]:  # noqa: N803
    """Parameters of a real population from S4D's complex A, B, C per mode and its own step d.

    a = exp(d A), c = 2 C B (a - 1) / A: a mode stands for a conjugate pair. All `(N,)` or scalars;
    d is a number in the time unit of 1 / A, S4D's learned step size and not `dt`.
    Source: Gu et al. 2022, "On the Parameterization and Initialization of Diagonal State Space
    Models" (arXiv:2206.11893), zero-order hold.
    """
    poles = np.asarray(A, dtype=np.complex128)
    a = np.exp(step * poles)
    c = np.broadcast_to(2.0 * np.asarray(C) * np.asarray(B) * (a - 1.0) / poles, a.shape)
    return {"a_re": a.real, "a_im": a.imag, "c_re": c.real, "c_im": c.imag}


class S4d:
    name = "s4d"
    parameters: Mapping[str, Parameter] = {
        "a_re": COEFFICIENT,
        "a_im": COEFFICIENT,
        "c_re": COEFFICIENT,
        "c_im": COEFFICIENT,
        "c_exp": Parameter(-32, 32, fixed_only=True),
    }
    state: tuple[str, ...] = ("re", "im", "y")
    spiking = False
    graded = True
    sends = "y"
    input_shift = MANTISSA_SHIFT
    int32_input = 0

    def cost(self, params: Params) -> Cost:
        """a z: four products, two sums; its input one sum; Re(c z): two products, a sum. Where
        every mode stays real, a z and c z are a product each."""
        if not (np.any(params["a_im"]) or np.any(params["c_im"])):
            return Cost(multiplies=2, adds=1, compares=0)
        return Cost(multiplies=6, adds=4, compares=0)

    def real(self, params: Params, state: State, a: Array) -> Update:
        re = params["a_re"] * state["re"] - params["a_im"] * state["im"] + a
        im = params["a_im"] * state["re"] + params["a_re"] * state["im"]
        y = params["c_re"] * re - params["c_im"] * im
        peak = float(max(np.abs(re).max(initial=0.0), np.abs(im).max(initial=0.0)))
        return Update({"re": re, "im": im, "y": y}, y, peak)

    def fixed_constants(self, params: Params) -> Constants:
        keys = ("a_re", "a_im", "c_re", "c_im")
        return Constants((), tuple(np.asarray(params[key], dtype=np.int64) for key in keys))

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        re, im, _ = state
        a_re, a_im, c_re, c_im = each
        new_re = nearest(a_re * re - a_im * im, FRACTION_BITS) + (a << MANTISSA_SHIFT)
        new_im = nearest(a_im * re + a_re * im, FRACTION_BITS)
        re, clips_re = clipped(new_re)
        im, clips_im = clipped(new_im)
        y = nearest(c_re * re - c_im * im, OUTPUT_SHIFT)
        peak = np.maximum(np.abs(new_re), np.abs(new_im))
        return (re, im, y), y, peak, clips_re + clips_im

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:S4D"

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {key: params[key] for key in ("a_re", "a_im", "c_re", "c_im")}

    def message_scale(self, params: Params, scale: float) -> float:
        return float(scale * 2.0 ** -(MANTISSA_SHIFT + int(params.get("c_exp", 0))))


NEURON_MODELS.register(S4d.name, S4d())
