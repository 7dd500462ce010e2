"""`spiking_vocos_loihi` as a stream through its integers: mel frames to the chip, y to the host.

    mel frame -> 8-bit levels, held for T steps -> Program -> y at the last of them
    y of `ahead` frames later -> LayerNorm, Linear -> spectrum -> samples          in torch

What comes out is what the whole recording gives at once. Between host and chip go `bands` messages
of 8 bits in every step, and `width` values of 24 bits once a frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.pipeline import run
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.denoisers import open_program, warm_session
from neurodeploy.zoo.models.spiking_vocos_loihi import features_of, loihi_backbone
from neurodeploy.zoo.models.vocos import Vocoder
from neurodeploy.zoo.vocoder_stream import MelStream, SpectrumStream

Frames = npt.NDArray[np.floating[Any]]
OUTPUT_BITS = 24


class CpuSteps:
    """A Program on the `cpu` backend, one core, its state kept: steps (n, bands) -> (n, width)."""

    def __init__(self, program: Program) -> None:
        self._session = warm_session(program)
        self._output = program.outputs[0]

    def push(self, steps: Frames, *, last: bool) -> Frames:
        return self._session.advance(steps[:, None, :, None])[self._output].reshape(len(steps), -1)


class LavaSteps:
    """The same on Lava, which runs a recording as a whole: everything comes at the last."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._heard: list[Frames] = []

    def push(self, steps: Frames, *, last: bool) -> Frames:
        self._heard.append(steps)
        name = self._program.outputs[0]
        if not last:
            return np.zeros((0, self._program.neuron(name).size))
        inputs = np.concatenate(self._heard)[:, None, :, None]
        sent = run(self._program, inputs, backend="lava").outputs[name]
        return sent[: len(inputs)].reshape(len(inputs), -1)


class ChipVocoderStream:
    """One stream through a vocoder whose backbone is `program`, on `backend` cpu or lava.

    Raises ConfigError for another vocoder, another backend, or a Program of another shape.
    """

    def __init__(self, vocoder: Vocoder, program: Program, backend: str = "cpu") -> None:
        backbone = loihi_backbone(vocoder)
        config = backbone.chip.config
        if backend not in ("cpu", "lava"):
            raise ConfigError(Diagnostic("backend", "unknown", f"{backend!r}: cpu or lava"))
        neuron = program.neuron(program.outputs[0])
        if (program.inputs[0].size, neuron.size) != (config.mel.bands, config.width):
            detail = f"{program.inputs[0].size} inputs, {neuron.size} outputs: not this network's"
            raise ConfigError(Diagnostic(program.name, "shape", detail))
        self.config, self._norm, self._head = config, backbone.norm, vocoder.head
        self._chip = CpuSteps(program) if backend == "cpu" else LavaSteps(program)
        self._scale = NEURON_MODELS[neuron.model].message_scale(neuron.params, neuron.scale)
        self._late = self._skip = neuron.latency
        self._ahead = config.ahead
        self._steps = np.zeros((0, config.width))
        self._mel, self._spectrum = MelStream(config.mel), SpectrumStream(config.mel)
        self.bytes_to_chip = self.bytes_from_chip = 0

    @property
    def latency_s(self) -> float:
        """See `SpeechStream`; with the steps that a Program in hardware time is late."""
        c = self.config
        return (c.mel.window + c.ahead * c.mel.hop) / c.mel.sample_rate + self._late * c.dt

    def hear(self, samples: Audio) -> Audio:
        """See `SpeechStream`."""
        return self.speak(self._mel.push(torch.from_numpy(samples)))

    def heard_all(self) -> Audio:
        """See `SpeechStream`."""
        return self.speak(self._mel.finish(), last=True)

    @torch.no_grad()
    def speak(self, mel: Tensor, *, last: bool = False) -> Audio:
        """See `SpeechStream`."""
        y = self._through_chip(features_of(mel)[0].T.numpy(), last=last)
        hidden = self._norm(torch.from_numpy(y.astype(np.float32)))
        magnitude, phase = self._head.spectrum(hidden)
        samples = self._spectrum.push(torch.polar(magnitude, phase))
        if last:
            samples = torch.cat([samples, self._spectrum.finish()])
        return np.asarray(samples.numpy())

    def _through_chip(self, features: Frames, *, last: bool) -> Frames:
        """(L, bands) -> y of the frames that are ready, (L', width)."""
        c = self.config
        held = np.repeat(features, c.steps, axis=0)
        if last:  # after the end: silence
            silence = c.ahead * c.steps + self._late
            held = np.concatenate([held, np.zeros((silence, c.mel.bands))])
        self.bytes_to_chip += held.size
        if not len(held):
            return np.zeros((0, c.width))
        sent = self._chip.push(held, last=last) / self._scale
        early = min(self._skip, len(sent))
        self._skip -= early
        steps = np.concatenate([self._steps, sent[early:]])
        whole = len(steps) // c.steps * c.steps
        self._steps = steps[whole:]
        y = steps[c.steps - 1 : whole : c.steps]
        self.bytes_from_chip += y.size * OUTPUT_BITS // 8
        unheard = min(self._ahead, len(y))
        self._ahead -= unheard
        return y[unheard:]


def program_beside(weights: Path) -> Path | None:
    """NAME_tuned.ndp, NAME.ndp or NAME.nir, the first that is there."""
    endings = ("_tuned.ndp", ".ndp", ".nir")
    paths = (weights.with_name(weights.stem + ending) for ending in endings)
    return next((path for path in paths if path.is_file()), None)


def open_chip_vocoder(vocoder: Vocoder, weights: Path, backend: str) -> ChipVocoderStream:
    """`vocoder` with the Program beside its weights (`program_beside`), a graph by its calibration
    (`zoo.denoisers.open_program`). DataError if there is none."""
    if path := program_beside(weights):
        return ChipVocoderStream(vocoder, open_program(path, backend), backend)
    detail = f"there is neither {weights.stem}.ndp nor {weights.stem}.nir"
    hint = "python -m neurodeploy.zoo.models.write_spiking_vocos writes the graph"
    raise DataError(Diagnostic(str(weights.parent), "program-missing", detail, hint))
