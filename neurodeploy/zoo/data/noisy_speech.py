"""Pairs of noisy and clean speech by the recipe of the N-DNS challenge (arXiv:2303.09503).

    clean   utterances of one voice, 0.2 s of silence between them
    noise   recordings of one kind, joined likewise
    noisy = clean + g noise, g for an integer SNR in [-5, 20) dB between their active levels;
    both scaled together so that noisy has an integer level in [-35, -15) dBFS, and once more
    where a sample would pass 0.99

A stretch of speech is drawn again while less than 0.6 of its frames are active; so is one of noise,
or the few seconds of a mixture would often be clean but for a sneeze, at any ratio. The challenge
joins utterances of several voices over 30 s; here a mixture has one voice, and any length.
Active frames are those of zoo/data/labels.py; levels are root mean squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, read_audio
from neurodeploy.zoo.data.labels import active_frames, active_rms
from neurodeploy.zoo.data.manifest import MANIFEST, Recording, read_manifest
from neurodeploy.zoo.data.mixing import (
    Excerpt,
    Load,
    Origins,
    by_origin,
    draw_origin,
    read_excerpt,
)

SNR_DB = (-5, 20)  # integers, upper end left out
LEVEL_DB = (-35, -15)  # integers, upper end left out
GAP = SAMPLE_RATE // 5
MIN_ACTIVITY = 0.6
TRIES = 20
CLIPPING = 0.99

Change = Callable[[Audio], Audio]


@dataclass(frozen=True)
class NoisySpeechSpec:
    """All that rendering needs besides the corpus."""

    samples: int
    speech: tuple[Excerpt, ...]  # one voice
    noise: tuple[Excerpt, ...]  # one kind
    snr_db: int
    level_db: int  # of the mixture


@dataclass(frozen=True)
class Pair:
    """A mixture and its clean speech at the same gain, (samples,) each."""

    noisy: Audio
    clean: Audio


@dataclass(frozen=True)
class Pool:
    """Speech and noise of one split, grouped for drawing, and how to read a file."""

    speech: Origins
    noise: Origins
    load: Load


def open_pool(corpus: Path, split: str, *, keep: Callable[[Recording], bool] | None = None) -> Pool:
    """The recordings of a split of a prepared corpus that `keep` keeps; files stay in memory."""

    @cache
    def load(path: str) -> Audio:
        return read_audio(corpus / path)

    chosen = [r for r in read_manifest(corpus / MANIFEST) if r.split == split]
    chosen = [r for r in chosen if keep is None or keep(r)]
    return Pool(
        by_origin(r for r in chosen if r.kind == "speech"),
        by_origin(r for r in chosen if r.kind == "noise"),
        load,
    )


def _draw_track(
    recordings: list[Recording], samples: int, rng: np.random.Generator
) -> tuple[Excerpt, ...]:
    """Recordings in a random order, joined with gaps until the track is full."""
    excerpts: list[Excerpt] = []
    at = 0
    while at < samples:
        r = recordings[int(rng.integers(len(recordings)))]
        length = min(r.samples, samples - at)
        start = int(rng.integers(0, r.samples - length + 1))
        excerpts.append(Excerpt(r.path, start, length, at))
        at += length + GAP
    return tuple(excerpts)


def _render_track(excerpts: Iterable[Excerpt], samples: int, load: Load) -> Audio:
    track = np.zeros(samples, dtype=np.float32)
    for e in excerpts:
        track[e.at : e.at + e.samples] = read_excerpt(e, load)
    return track


def _draw_active(
    origins: Origins, load: Load, samples: int, rng: np.random.Generator
) -> tuple[Excerpt, ...]:
    """A track of one origin; another one, up to TRIES times, while too little happens in it."""
    for _ in range(TRIES):
        track = _draw_track(draw_origin(origins, rng), samples, rng)
        if active_frames(_render_track(track, samples, load)).mean() >= MIN_ACTIVITY:
            break
    return track


def draw_noise(pool: Pool, rng: np.random.Generator, samples: int) -> Audio:
    """A track of one kind of noise."""
    return _render_track(_draw_active(pool.noise, pool.load, samples, rng), samples, pool.load)


def draw_pair(pool: Pool, rng: np.random.Generator, seconds: float) -> NoisySpeechSpec:
    """One mixture; the same pool, generator state and length always give the same."""
    samples = int(seconds * SAMPLE_RATE)
    speech = _draw_active(pool.speech, pool.load, samples, rng)
    noise = _draw_active(pool.noise, pool.load, samples, rng)
    return NoisySpeechSpec(
        samples, speech, noise, int(rng.integers(*SNR_DB)), int(rng.integers(*LEVEL_DB))
    )


def _amplitude(db: float) -> float:
    return 10.0 ** (db / 20.0)


def render_pair(
    spec: NoisySpeechSpec, load: Load, *, voice: Change | None = None, noise: Change | None = None
) -> Pair:
    """Audio of a mixture; `voice` and `noise` change the tracks before they are mixed."""
    clean = _render_track(spec.speech, spec.samples, load)
    behind = _render_track(spec.noise, spec.samples, load)
    clean = clean if voice is None else voice(clean)
    behind = behind if noise is None else noise(behind)
    loud, quiet = active_rms(clean), active_rms(behind)
    gain = loud / quiet / _amplitude(spec.snr_db) if quiet > 0.0 else 0.0
    noisy = clean + np.float32(gain) * behind
    rms = float(np.sqrt(np.mean(noisy.astype(np.float64) ** 2)))
    scale = _amplitude(spec.level_db) / rms if rms > 0.0 else 1.0
    scale = min(scale, CLIPPING / max(float(np.abs(noisy).max()), 1e-9))
    return Pair(np.float32(scale) * noisy, np.float32(scale) * clean)
