"""Which frames are speech, read off the clean track.

Rule: the level of a frame is the mean power of the 25 ms that the feature frame sees. The loud
level of a track is the 95th percentile of its frames above -70 dBFS. A frame is active when its
level lies within 30 dB of the loud level; it is speech when it, or one of the 8 frames before it
(80 ms hangover, so that stops and short pauses between words do not break a phrase), is active.
Both look only back in time, like the detector.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurodeploy.zoo.audio.io import Audio

FRAME, HOP = 400, 160
BELOW_LOUD_DB = 30.0
SILENCE_DB = -70.0
HANGOVER = 8

Labels = npt.NDArray[np.bool_]


def frame_levels_db(x: Audio) -> npt.NDArray[np.float64]:
    """(samples,) -> level of each causal 25 ms frame in dBFS, (samples // 160,)."""
    padded = np.concatenate([np.zeros(FRAME - HOP), x.astype(np.float64)])
    total = np.concatenate([[0.0], np.cumsum(padded**2)])
    starts = np.arange(x.size // HOP) * HOP
    power = np.maximum(total[starts + FRAME] - total[starts], 0.0) / FRAME
    return np.asarray(10.0 * np.log10(power + 1e-12))


def active_frames(clean: Audio) -> Labels:
    """(samples,) -> frames within 30 dB of the track's loud level, (samples // 160,)."""
    levels = frame_levels_db(clean)
    audible = levels[levels > SILENCE_DB]
    if not audible.size:
        return np.zeros(levels.shape, dtype=np.bool_)
    threshold = max(float(np.percentile(audible, 95)) - BELOW_LOUD_DB, SILENCE_DB)
    return np.asarray(levels > threshold)


def with_hangover(active: Labels, frames: int = HANGOVER) -> Labels:
    """Stretch every active run by `frames` frames after its end."""
    total = np.concatenate([[0], np.cumsum(active)])
    end = np.arange(1, active.size + 1)
    return np.asarray(total[end] > total[np.maximum(end - 1 - frames, 0)])


def speech_frames(clean: Audio) -> Labels:
    """(samples,) of clean speech -> speech or not for each 10 ms frame, (samples // 160,)."""
    return with_hangover(active_frames(clean))


def active_rms(x: Audio) -> float:
    """Root mean square over the active frames only; 0 for a silent track."""
    levels = frame_levels_db(x)[active_frames(x)]
    return float(np.sqrt(np.mean(10.0 ** (levels / 10.0)))) if levels.size else 0.0


def segments(labels: Labels) -> list[tuple[float, float]]:
    """Runs of speech frames as (start, end) in seconds, rounded to the frame."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], labels.astype(np.int8), [0]])))
    return [
        (round(int(a) * HOP / 16_000, 2), round(int(b) * HOP / 16_000, 2))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
