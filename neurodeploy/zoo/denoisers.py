"""Denoisers of a stream: a torch network, or a Program on a backend."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.backends.cpu import Session
from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.passes.retime import retime
from neurodeploy.pipeline import chip_of, load, run, to_hardware_time, to_integers
from neurodeploy.resources import resource, resource_names
from neurodeploy.zoo.audio.log_levels import LogLevels
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.stream import Frames

CHIP_STFT = StftConfig(shape="sqrt_hann")  # of spiking_s4_loihi


class TorchDenoiser:
    """An enhancer of zoo/models/enhancers.py with trained weights."""

    delay = 0

    def __init__(self, weights: Path) -> None:
        import torch

        from neurodeploy.zoo.models.enhancers import load_enhancer

        self._model = load_enhancer(weights)
        self.stft = self._model.stft.config
        self._states: Any = None
        self._torch = torch

    def advance(self, magnitude: Frames) -> Frames:
        """See `Denoiser`."""
        torch, frames = self._torch, []
        network: Any = self._model.network
        with torch.no_grad():
            features = self._model.features(torch.from_numpy(magnitude.astype(np.float32)))
            for frame in features:
                o, self._states = network.step(frame[None], self._states)
                frames.append(o[0].numpy())
        return np.stack(frames)


def _features(program: Program, magnitude: Frames) -> Frames:
    """(L, bins) -> (L, 1, *shape of the input)."""
    x = LogLevels().features(magnitude)
    return x.reshape(len(x), 1, *program.shapes[program.inputs[0].name])


def warm_session(program: Program) -> Session:
    """At rest, its kernels loaded: a stream is not late by them."""
    silence = np.zeros((1, 1, *program.shapes[program.inputs[0].name]))
    Session(program, threads=1).advance(silence)
    return Session(program, threads=1)


class CpuDenoiser:
    """A fixed Program on the `cpu` backend, one core."""

    def __init__(self, program: Program) -> None:
        self.stft = CHIP_STFT
        self._session = warm_session(program)
        self._output = program.outputs[0]
        neuron = program.neuron(self._output)
        model = NEURON_MODELS[neuron.model]
        self._scale = model.message_scale(neuron.params, neuron.scale)

    @property
    def program(self) -> Program:
        """What runs."""
        return self._session.program

    @property
    def delay(self) -> int:
        """Steps that the output's population lives late, as Programs in hardware time do."""
        return self.program.latency[self._output]

    def advance(self, magnitude: Frames) -> Frames:
        """See `Denoiser`."""
        out = self._session.advance(_features(self.program, magnitude))[self._output]
        return out.reshape(len(magnitude), -1) / self._scale

    def counts(self) -> Counts:
        """What has happened in the stream so far."""
        return self._session.counts()


class LavaDenoiser:
    """The same on Lava, which runs a whole recording at once; as late as on a chip."""

    def __init__(self, program: Program) -> None:
        self.stft = CHIP_STFT
        self._program = program
        self._output = program.outputs[0]
        self._done = False

    @property
    def delay(self) -> int:
        """Steps that the output's population lives late."""
        return self._program.latency[self._output]

    def advance(self, magnitude: Frames) -> Frames:
        """See `Denoiser`; ConfigError at the second call."""
        if self._done:
            detail = "runs a recording as a whole, not a stream"
            raise ConfigError(Diagnostic("lava", "stream", detail, "--backend cpu streams"))
        self._done = True
        trace = run(self._program, _features(self._program, magnitude), backend="lava")
        frames = trace.real(self._output).reshape(len(magnitude), -1)
        return np.concatenate([np.zeros((self.delay, frames.shape[1])), frames])[: len(magnitude)]


def open_denoiser(network: Path, backend: str) -> TorchDenoiser | CpuDenoiser | LavaDenoiser:
    """torch: NAME.safetensors; cpu and lava: `open_program`. A path without a suffix is the name of
    a network of exports/. ConfigError for another backend."""
    if backend not in ENDINGS:
        raise ConfigError(Diagnostic("backend", "unknown", f"{backend!r}: torch, cpu or lava"))
    if not network.suffix:
        network = shipped_network(str(network), backend)
    suffixes = (".safetensors",) if backend == "torch" else (".nir", ".ndp")
    if network.suffix not in suffixes:
        detail = f"{backend} runs {' or '.join(suffixes)}"
        raise ConfigError(Diagnostic(str(network), "suffix", detail))
    if backend == "torch":
        return TorchDenoiser(network)
    program = open_program(network, backend)
    _require_bins(program, network)
    return CpuDenoiser(program) if backend == "cpu" else LavaDenoiser(program)


def _require_bins(program: Program, network: Path) -> None:
    """A frame of levels in, a frame of o out."""
    shapes = [program.shapes[p.name] for p in program.inputs]
    shapes += [program.shapes[name] for name in program.outputs]
    if [prod(shape) for shape in shapes] != [CHIP_STFT.bins] * 2:
        detail = (
            f"its input and output are {', '.join(map(str, shapes))}, not {CHIP_STFT.bins} bins"
        )
        raise ConfigError(Diagnostic(str(network), "no-enhancer", detail))


SHIPPED = "spiking_s4_loihi"
ENDINGS = {
    "torch": (".safetensors",),
    "cpu": (".ndp", ".nir"),
    "lava": (".ndp", ".nir"),
}
"""What a backend runs of a network of exports/: integers, or the graph that they come from."""


def shipped_network(name: str, backend: str) -> Path:
    """The file of an enhancer that comes with the package; ConfigError if none does."""
    there = resource_names("exports")
    files = [name + ending for ending in ENDINGS.get(backend, ())]
    for file in files:
        if file in there:
            return resource("exports", file)
    detail = f"the package has no {' or '.join(files)}"
    able = [b for b, endings in ENDINGS.items() if any(name + e in there for e in endings)]
    hint = f"--backend {able[0]} has it" if able else "give a file"
    raise ConfigError(Diagnostic(name, "network-unknown", detail, hint))


def calibration_beside(network: Path) -> Path:
    """Where the input that sets a graph's scales lies."""
    return network.with_name(f"{network.stem}_calibration.npz")


def open_program(network: Path, backend: str) -> Program:
    """The integers behind a `.ndp`, or a `.nir` with NAME_calibration.npz beside it.

    A graph is compiled here: for `cpu` without the chip's latency between layers, so that the mask
    of a frame comes in the same step; so does that of a `.ndp` in the graph's own time. Lava has
    the latency in any case. Raises DataError where calibration is needed and missing.
    """
    program, chip = load(network, None), chip_of("loihi2")
    if network.suffix == ".ndp":
        return program if backend == "cpu" or program.depth else retime(program, chip)
    calibration = calibration_beside(network)
    if not calibration.is_file():
        detail = "no such file; scales are set by real input"
        hint = "or compile first: neurodeploy compile"
        raise DataError(Diagnostic(str(calibration), "calibration-missing", detail, hint))
    levels = read_arrays(calibration)["input"]
    fixed = to_integers(program, chip, levels).program
    return fixed if backend == "cpu" else to_hardware_time(fixed, chip, levels)
