"""The three sets of mixtures for voice activity detection, and their features.

A set is a length, a count and a first seed over one split of the corpus; nothing else. The test
set's voices and source recordings of noise occur in neither training nor validation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurodeploy.whole_files import write_whole
from neurodeploy.zoo.audio.io import Audio, read_audio
from neurodeploy.zoo.audio.logmel import Features, LogMel, LogMelConfig
from neurodeploy.zoo.data.manifest import MANIFEST, read_manifest
from neurodeploy.zoo.data.mixing import (
    Load,
    Mixture,
    MixtureSpec,
    draw_mixture,
    render,
    specs_digest,
    specs_to_json,
)


@dataclass(frozen=True)
class VadSet:
    """What defines a set of mixtures, given a corpus."""

    split: str  # of the corpus
    count: int  # mixtures
    seconds: float  # length of each
    first_seed: int  # mixture i has seed first_seed + i


SETS: dict[str, VadSet] = {
    "train": VadSet("train", 4000, 4.0, 1_000_000),
    "val": VadSet("val", 120, 5.0, 2_000_000),
    "test": VadSet("test", 160, 5.0, 3_000_000),
}


@dataclass(frozen=True)
class VadData:
    """Features and labels of a set: x (T, B, n_mels) float32, labels (T, B) bool."""

    x: Features
    labels: npt.NDArray[np.bool_]
    digest: str  # of the set's definition


def corpus_loader(corpus: Path) -> Load:
    """Reads corpus files by manifest path; keeps recent ones, as mixtures share few files."""

    @lru_cache(maxsize=512)
    def load(path: str) -> Audio:
        return read_audio(corpus / path)

    return load


def draw_set(corpus: Path, which: VadSet) -> list[MixtureSpec]:
    """The mixtures of a set, from the corpus's manifest."""
    recordings = [r for r in read_manifest(corpus / MANIFEST) if r.split == which.split]
    seeds = range(which.first_seed, which.first_seed + which.count)
    return [draw_mixture(recordings, seed, which.seconds) for seed in seeds]


def render_set(corpus: Path, which: VadSet) -> list[Mixture]:
    """The audio and labels of a set (for detectors that hear samples, not features)."""
    load = corpus_loader(corpus)
    return [render(spec, load) for spec in draw_set(corpus, which)]


def vad_data(
    corpus: Path,
    which: VadSet,
    *,
    features: LogMelConfig | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> VadData:
    """Features and labels of a set; read from `cache` (.npz) if it holds this very set.

    The cache's key is the set's digest and the feature constants, so it cannot be stale.
    """
    logmel = LogMel(features)
    specs = draw_set(corpus, which)
    key = specs_digest(specs) + json.dumps(asdict(logmel.config), sort_keys=True)
    if cache is not None and cache.is_file():
        with np.load(cache, allow_pickle=False) as stored:
            if str(stored["key"]) == key:
                return VadData(_from_levels(stored["x"], logmel), stored["labels"], key[:64])
    load = corpus_loader(corpus)
    xs, labels = [], []
    for number, spec in enumerate(specs):
        progress(number, len(specs))
        mixture = render(spec, load)
        xs.append(logmel.offline(mixture.audio))
        labels.append(mixture.labels)
    progress(len(specs), len(specs))
    data = VadData(np.stack(xs, axis=1), np.stack(labels, axis=1), key[:64])
    if cache is not None:
        _store(cache, data, key, logmel)
        definition = cache.with_suffix(".json")
        definition.write_text(specs_to_json(specs), encoding="utf-8")
    return data


def _from_levels(levels: npt.NDArray[np.uint8], logmel: LogMel) -> Features:
    return (levels / np.float32(2**logmel.config.bits)).astype(np.float32)


def _store(cache: Path, data: VadData, key: str, logmel: LogMel) -> None:
    levels = np.rint(data.x * 2**logmel.config.bits).astype(np.uint8)  # exact: x is k / 2^bits
    arrays = {"x": levels, "labels": data.labels, "key": np.array(key)}
    write_whole(cache, lambda partial: np.savez_compressed(partial, allow_pickle=False, **arrays))
