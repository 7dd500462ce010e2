"""Norse to NIR and back to Norse: spikes that change with our .nir, and with Norse's own export."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nir
import norse.torch as norse
import numpy as np
import torch
from torch import nn, tensor

from neurodeploy import pipeline
from neurodeploy.frontends.norse import replay, to_nir

DT = 1e-3
STEPS, BATCH, INPUTS, NEURONS = 1000, 2, 8, 16


@dataclass(frozen=True)
class RoundTrip:
    """Spikes of the Norse module, and how many of `(T, B, N)` differ after each way.

    ours: our .nir in our interpreter. our_file: our .nir read by Norse. own: Norse's to_nir read
    by Norse; own_seconds: the same with to_nir(dt=1), which is what gives its time constants in
    seconds. A string says why there is no number.
    """

    spikes: int
    ours: int
    our_file: int | str
    own: int | str
    own_seconds: int | str


NETWORKS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "LIFCell": (lambda: norse.LIFCell(), 8.0),
    "LIFCell, v_reset = -0.1": (
        lambda: norse.LIFCell(norse.LIFParameters(v_reset=tensor(-0.1))),
        8.0,
    ),
    "LIFCell, v_leak = v_reset = 0.2": (
        lambda: norse.LIFCell(norse.LIFParameters(v_leak=tensor(0.2), v_reset=tensor(0.2))),
        8.0,
    ),
    "LIFBoxCell": (lambda: norse.LIFBoxCell(), 8.0),
    "LIFBoxCell, v_reset = -0.1": (
        lambda: norse.LIFBoxCell(norse.LIFBoxParameters(v_reset=tensor(-0.1))),
        8.0,
    ),
    "LIFBoxCell, reset_subtract": (
        lambda: norse.LIFBoxCell(norse.LIFBoxParameters(reset_method=norse.reset_subtract)),
        8.0,
    ),
    "IAFCell": (lambda: norse.IAFCell(), 1.0),
    "IAFCell, v_reset = -0.1": (
        lambda: norse.IAFCell(norse.IAFParameters(v_reset=tensor(-0.1))),
        1.0,
    ),
    "LIFRecurrentCell": (lambda: norse.LIFRecurrentCell(NEURONS, NEURONS), 1.0),
}


def network(name: str) -> nn.Module:
    """A Linear and the layer, always the same."""
    torch.manual_seed(0)
    build, _ = NETWORKS[name]
    return norse.SequentialState(nn.Linear(INPUTS, NEURONS), build())


def round_trip(name: str) -> RoundTrip:
    """All ways of one network on the same input."""
    module = network(name)
    gain = NETWORKS[name][1]
    x = np.random.default_rng(0).normal(0.2, 1.0, size=(STEPS, BATCH, INPUTS)) * gain
    x = x.astype(np.float32).astype(np.float64)
    spikes = _spikes(module, x)
    graph = to_nir(module, (INPUTS,), dt=DT).graph
    meant = pipeline.interpret(graph, x, dt=DT).outputs["output"]
    sample = torch.rand(1, INPUTS)
    return RoundTrip(
        spikes=int(spikes.sum()),
        ours=int(np.count_nonzero(meant != replay(module, x)["output"])),
        our_file=_changed(lambda: _through_a_file(graph), x, spikes),
        own=_changed(lambda: norse.to_nir(module, sample, dt=DT), x, spikes),
        own_seconds=_changed(lambda: norse.to_nir(module, sample, dt=1.0), x, spikes),
    )


def _spikes(module: nn.Module, x: Any) -> Any:
    state, steps = None, []
    with torch.no_grad():
        for step in torch.from_numpy(x).float():
            out, state = module(step, state)
            steps.append(out.numpy())
    return np.stack(steps)


def _through_a_file(graph: nir.NIRGraph) -> nir.NIRGraph:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.nir"
        nir.write(path, graph)
        return nir.read(path)


def _changed(graph: Callable[[], nir.NIRGraph], x: Any, spikes: Any) -> int | str:
    """Spikes that Norse's reading of the graph changes."""
    try:
        with _quietly():
            read = norse.from_nir(graph(), ignore_warnings=True, dt=DT)
            out = _spikes(read, x)
    except Exception as error:  # whatever Norse and nirtorch raise
        return type(error).__name__
    return int(np.count_nonzero(out != spikes))


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Norse's warnings of values that it leaves out."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def figures() -> str:
    """All round trips as Markdown."""
    head = "| network | spikes | ours | our .nir in Norse | Norse's own | own, in seconds |"
    lines = [head, "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name in NETWORKS:
        found = round_trip(name)
        cells = (found.spikes, found.ours, found.our_file, found.own, found.own_seconds)
        lines.append(f"| {name} | " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"
