"""S4D as standard NIR: a nested graph that `ir.state_space` recognises as one `s4d` population."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, UnsupportedLayer
from neurodeploy.ir.clock import check_dt
from neurodeploy.ir.neurons.s4d import zero_order_hold

Array = np.ndarray[Any, np.dtype[Any]]


def s4d_graph(
    A: Array,  # noqa: N803  the letters of the literature, as in scipy.signal.StateSpace
    B: Array,  # noqa: N803
    C: Array,  # noqa: N803
    D: Array,  # noqa: N803
    step: Array,
    *,
    dt: float,
) -> nir.NIRGraph:
    """x' = A x + B u, y = 2 Re(C x) + D u by zero-order hold, as a node of a larger graph.

    A, B, C: complex, `(channels, modes)`, a mode for each conjugate pair; D and the learned `step`
    of each channel: `(channels,)`. dt: of the whole graph, in seconds. Takes u and sends y, both
    `(channels, 1)`; by forward Euler it computes, with a = exp(step A), c = 2 C B (a - 1) / A
        z = a z + u;  y = sum over the modes of Re(c z) + D u
    as an LI of tau = dt with rows Re z, Im z for each mode, of which nothing is left after a step
    but what a convolution of one tap, a group for each mode, feeds back. A convolution spreads u
    over the modes, one reads them.

    nir 1.0.8 infers wrong shapes for grouped convolutions: build what is around it with
    type_check=False, and write it flat (`ir.flatten`), since nir.read checks nested graphs always.

    Raises UnsupportedLayer for shapes that do not fit and for a mode that does not decay.
    """
    channels, modes = _checked(A, B, C, D, step)
    tau = check_dt(dt)
    params = zero_order_hold(A, B, C, np.reshape(step, (channels, 1)))
    a, c = params["a_re"] + 1j * params["a_im"], params["c_re"] + 1j * params["c_im"]
    rows = 2 * channels * modes
    ones, zeros = np.ones((rows, 1)), np.zeros((rows, 1))
    blocks = np.array([[a.real, -a.imag], [a.imag, a.real]]).transpose(2, 3, 0, 1)
    into = np.tile([1.0, 0.0], channels * modes)
    read = np.stack([c.real, -c.imag], axis=-1)
    shape = np.array([channels, 1])
    nodes = {
        "input": nir.Input({"input": shape}),
        "b": _one_tap(into.reshape(rows, 1), channels),
        "state": nir.LI(tau=tau * ones, r=ones, v_leak=zeros),
        "a": _one_tap(blocks.reshape(rows, 2), channels * modes),
        "c": _one_tap(read.reshape(channels, 2 * modes), channels),
        "d": nir.Scale(np.reshape(D, (channels, 1)).astype(np.float64)),
        "output": nir.Output({"output": shape}),
    }
    edges = [("input", "b"), ("b", "state"), ("state", "a"), ("a", "state"), ("state", "c")]
    edges += [("c", "output"), ("input", "d"), ("d", "output")]
    return nir.NIRGraph(nodes, edges, type_check=False)


def _checked(*arrays: Array) -> tuple[int, int]:
    """Channels and modes; `arrays` are A, B, C, D and step."""
    poles = np.asarray(arrays[0])
    channels, modes = poles.shape if poles.ndim == 2 else (0, 0)
    wanted = [(channels, modes)] * 3 + [(channels,)] * 2
    problems = [
        Diagnostic(f"S4D {name}", "shape", f"{np.shape(array)}, expected {shape}")
        for name, array, shape in zip(("A", "B", "C", "D", "step"), arrays, wanted, strict=True)
        if np.shape(array) != shape or not channels * modes
    ]
    if not problems and not np.all(poles.real < 0):
        detail = f"Re A = {poles.real.max():g}: a mode that does not decay"
        problems.append(Diagnostic("S4D A", "decay", detail, "Re A < 0 for every mode"))
    if not problems and not np.all(np.asarray(arrays[4]) > 0):
        problems.append(Diagnostic("S4D step", "positive", f"{np.min(arrays[4]):g}"))
    if problems:
        raise UnsupportedLayer(problems)
    return channels, modes


def _one_tap(weights: Array, groups: int) -> nir.Conv1d:
    """y = W x at every place, W block-diagonal: `(out, in / groups)` of its rows' own blocks."""
    out, within = weights.shape
    return nir.Conv1d(
        input_shape=1,
        weight=np.ascontiguousarray(weights, dtype=np.float64).reshape(out, within, 1),
        stride=1,
        padding=0,
        dilation=1,
        groups=groups,
        bias=np.zeros(out),
    )
