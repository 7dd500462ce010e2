"""Mixtures of speech and noise: drawn from a seed, written down in full, rendered from the corpus.

A mixture is a timeline of pauses and excerpts of one speaker over one noise. The signal-to-noise
ratio compares active frames of both (labels.active_frames), so that pauses in the speech or gaps
between a dog's barks do not count as level.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.data.labels import Labels, active_rms, speech_frames
from neurodeploy.zoo.data.manifest import Recording

SNR_DB = (-5.0, 20.0)  # uniform
LEVEL_DB = (-36.0, -20.0)  # active speech level re full scale, uniform: near and far talkers
NOISE_ONLY = 0.1  # share of mixtures without speech
PAUSE_S = (0.2, 1.6)
PHRASE_S = (0.5, 2.5)
PEAK = 0.95

Load = Callable[[str], Audio]


@dataclass(frozen=True)
class Excerpt:
    """`samples` samples of a corpus file from `start` on, put at sample `at` of the mixture."""

    path: str
    start: int
    samples: int
    at: int


@dataclass(frozen=True)
class MixtureSpec:
    """All that rendering needs besides the corpus."""

    seed: int  # the draw that made it
    samples: int  # length at 16 kHz
    speech: tuple[Excerpt, ...]  # one speaker; empty: noise alone
    noise: Excerpt
    snr_db: float  # active speech against active noise
    level_db: float  # level of active speech; of the absent speech for noise alone


@dataclass(frozen=True)
class Mixture:
    """A rendered mixture: audio (samples,), labels (samples // 160,)."""

    audio: Audio
    labels: Labels


def _draw_speech(
    voice: Sequence[Recording], samples: int, rng: np.random.Generator
) -> tuple[Excerpt, ...]:
    excerpts: list[Excerpt] = []
    at = int(rng.uniform(*PAUSE_S) * SAMPLE_RATE * rng.integers(0, 2))  # half start at once
    while at < samples - SAMPLE_RATE // 4:
        r = voice[int(rng.integers(len(voice)))]
        wanted = int(rng.uniform(*PHRASE_S) * SAMPLE_RATE)
        length = min(wanted, r.samples, samples - at)
        start = int(rng.integers(0, r.samples - length + 1))
        excerpts.append(Excerpt(r.path, start, length, at))
        at += length + int(rng.uniform(*PAUSE_S) * SAMPLE_RATE)
    return tuple(excerpts)


Origins = dict[str, dict[str, list[Recording]]]  # by source, then by speaker or source recording


def by_origin(items: Iterable[Recording]) -> Origins:
    """The recordings of one kind and split, grouped; DataError where there are none."""
    origins: Origins = {}
    for r in items:
        origins.setdefault(r.source, {}).setdefault(r.origin, []).append(r)
    if not origins:
        raise DataError(
            Diagnostic("corpus", "split-empty", "a split lacks speech or noise", "add sources")
        )
    return origins


def draw_origin(origins: Origins, rng: np.random.Generator) -> list[Recording]:
    """All recordings of one speaker or noise: source first, by the root of its size, then origin.

    The root keeps a data set of 200 voices from drowning a package with one voice, and vice versa.
    """
    names = sorted(origins)
    weights = np.sqrt([len(origins[name]) for name in names])
    chosen = origins[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    return chosen[sorted(chosen)[int(rng.integers(len(chosen)))]]


def draw_mixture(recordings: Sequence[Recording], seed: int, seconds: float) -> MixtureSpec:
    """One mixture from the speech and noise among `recordings`, the files of one split.

    The same recordings, seed and length always give the same mixture.
    """
    rng = np.random.default_rng(seed)
    samples = int(seconds * SAMPLE_RATE)
    voice = draw_origin(by_origin(r for r in recordings if r.kind == "speech"), rng)
    noises = draw_origin(by_origin(r for r in recordings if r.kind == "noise"), rng)
    n = noises[int(rng.integers(len(noises)))]
    length = min(samples, n.samples)
    start = int(rng.integers(0, n.samples - length + 1))
    speech = () if rng.random() < NOISE_ONLY else _draw_speech(voice, samples, rng)
    return MixtureSpec(
        seed=seed,
        samples=samples,
        speech=speech,
        noise=Excerpt(n.path, start, length, 0),
        snr_db=round(float(rng.uniform(*SNR_DB)), 2),
        level_db=round(float(rng.uniform(*LEVEL_DB)), 2),
    )


def read_excerpt(e: Excerpt, load: Load) -> Audio:
    """The samples of an excerpt; DataError where the file is shorter than when it was drawn."""
    x = load(e.path)[e.start : e.start + e.samples]
    if x.size != e.samples:
        detail = f"{x.size} samples from {e.start} on, the mixture needs {e.samples}"
        raise DataError(Diagnostic(e.path, "excerpt-short", detail, "rebuild the corpus"))
    return x


def render(spec: MixtureSpec, load: Load) -> Mixture:
    """Audio and labels of a mixture; `load` gives a corpus file's samples by manifest path.

    A noise shorter than the mixture is repeated. Peaks above 0.95 scale the whole mixture down.
    """
    level = 10.0 ** (spec.level_db / 20.0)
    clean = np.zeros(spec.samples, dtype=np.float32)
    for e in spec.speech:
        x = read_excerpt(e, load)
        rms = active_rms(x)
        if rms > 0.0:
            clean[e.at : e.at + e.samples] = x * np.float32(level / rms)
    noise = np.resize(read_excerpt(spec.noise, load), spec.samples)
    rms = active_rms(noise)
    gain = level / rms / 10.0 ** (spec.snr_db / 20.0) if rms > 0.0 else 0.0
    audio = clean + noise * np.float32(gain)
    peak = float(np.abs(audio).max())
    if peak > PEAK:
        audio = audio * np.float32(PEAK / peak)
    return Mixture(audio.astype(np.float32), speech_frames(clean))


def specs_to_json(specs: Sequence[MixtureSpec]) -> str:
    """A set of mixtures as JSON, one mixture a line: the set's definition."""
    return "[\n" + ",\n".join(json.dumps(asdict(s)) for s in specs) + "\n]\n"


def specs_digest(specs: Sequence[MixtureSpec]) -> str:
    """SHA-256 of the set's definition: equal exactly when two people measured on the same set."""
    return hashlib.sha256(specs_to_json(specs).encode()).hexdigest()
