"""Baseline: Silero VAD, the detector that most people use, with the weights of its PyPI wheel.

It gives one probability per 32 ms window. A frame's score is interpolated linearly between the
centres of the windows, at the centre of the 25 ms that the frame's features see; this lets it look
up to 36 ms ahead of the causal detectors, in its favour.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from neurodeploy.errors import BackendUnavailable, Diagnostic
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio

WINDOW = 512  # samples, fixed by the model at 16 kHz
FRAME, HOP = 400, 160


@torch.no_grad()
def silero_scores(audio: Sequence[Audio]) -> npt.NDArray[np.float64]:
    """B recordings of equal length -> speech probability per 10 ms frame, (T, B).

    Raises BackendUnavailable without the package silero-vad.
    """
    try:
        silero = importlib.import_module("silero_vad")
    except ImportError as error:
        raise BackendUnavailable(
            Diagnostic("silero-vad", "package-missing", str(error), "pip install silero-vad")
        ) from error
    model = silero.load_silero_vad()
    batch = torch.from_numpy(np.stack(audio))  # (B, samples)
    batch = torch.nn.functional.pad(batch, (0, -batch.shape[1] % WINDOW))
    model.reset_states()
    windows = [model(chunk, SAMPLE_RATE).reshape(-1) for chunk in torch.split(batch, WINDOW, dim=1)]
    probability = torch.stack(windows).double().numpy()  # (windows, B)
    centres = np.arange(len(windows)) * WINDOW + WINDOW / 2
    frames = (np.arange(len(audio[0]) // HOP) + 1) * HOP - FRAME / 2
    return np.stack([np.interp(frames, centres, p) for p in probability.T], axis=1)
