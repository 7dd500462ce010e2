"""The fixed sets of noisy speech that enhancers are measured on.

Every voice of one source in a split, at each of five signal-to-noise ratios: mixture i has voice
i // 5, in the order of their names, and ratio SNR_DB[i % 5]; all else is drawn from the seed i.
The test set's voices and source recordings of noise occur in neither training nor validation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.zoo.data.noisy_speech import NoisySpeechSpec, Pair, Pool, draw_pair, render_pair
from neurodeploy.zoo.data.noisy_speech import open_pool as open_split

SNR_DB = (-5, 0, 5, 10, 15)
SECONDS = 9.5  # one window of DNSMOS
FIRST_SEED = 3_000_000


ESC10_EVENTS = frozenset(
    f"freesound-{number}"
    for number in (
        *(201194, 208624, 209698, 209833, 210571, 212181, 219342, 235671),  # clock tick
        *(194930, 200334, 200339, 233160, 234879),  # rooster
        *(187979, 194533, 201274, 202220, 220026, 220027, 221518, 221593),  # sneeze
    )
)
"""Origins of ESC-10's fold 5 (test) whose recordings are short events between silences."""


@dataclass(frozen=True)
class NoisySpeechSet:
    """What defines a set, given a corpus."""

    split: str
    source: str  # of the speech
    without: frozenset[str] = frozenset()  # origins of noise


SETS = {
    "val": NoisySpeechSet("val", "librispeech"),
    "test": NoisySpeechSet("test", "librispeech"),
    "test_sustained": NoisySpeechSet("test", "librispeech", ESC10_EVENTS),
    "test_ru": NoisySpeechSet("test", "asterisk_ru"),  # another language, one voice
}


@dataclass(frozen=True)
class RenderedSet:
    """The mixtures of a set and the digest of their definition."""

    pairs: tuple[Pair, ...]
    snr_db: tuple[int, ...]
    digest: str


def draw_set(pool: Pool, which: NoisySpeechSet) -> list[NoisySpeechSpec]:
    """The mixtures of a set; DataError where the corpus lacks its source."""
    voices = pool.speech.get(which.source)
    if not voices:
        detail = f"no speech of {which.source} in split {which.split}"
        raise DataError(Diagnostic("corpus", "source-missing", detail, "neurodeploy data prepare"))
    specs = []
    for number, voice in enumerate(sorted(voices)):
        alone = replace(pool, speech={which.source: {voice: voices[voice]}})
        for which_snr, snr in enumerate(SNR_DB):
            seed = FIRST_SEED + number * len(SNR_DB) + which_snr
            spec = draw_pair(alone, np.random.default_rng(seed), SECONDS)
            specs.append(replace(spec, snr_db=snr))
    return specs


def render_set(
    corpus: Path,
    which: NoisySpeechSet,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RenderedSet:
    """The audio of a set."""
    pool = open_split(corpus, which.split, keep=lambda r: r.origin not in which.without)
    specs = draw_set(pool, which)
    pairs = []
    for number, spec in enumerate(specs):
        progress(number, len(specs))
        pairs.append(render_pair(spec, pool.load))
    progress(len(specs), len(specs))
    text = json.dumps([asdict(spec) for spec in specs])
    return RenderedSet(
        tuple(pairs),
        tuple(spec.snr_db for spec in specs),
        hashlib.sha256(text.encode()).hexdigest(),
    )
