"""Quality of enhanced mixtures: every metric of one, and means over many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from neurodeploy.bench.speech_metrics import dnsmos, estoi, pesq_or_nan, si_sdr, si_snr, stoi
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.data.noisy_speech import Pair

Enhance = Callable[[Audio], Audio]
Scores = dict[str, float]


def quality(enhanced: Audio, clean: Audio) -> Scores:
    """All metrics of one recording; PESQ is nan where P.862 finds no speech."""
    return {
        "si_snr": si_snr(enhanced, clean),
        "si_sdr": si_sdr(enhanced, clean),
        "pesq_wb": pesq_or_nan(enhanced, clean),
        "stoi": stoi(enhanced, clean),
        "estoi": estoi(enhanced, clean),
        **dnsmos(enhanced),
    }


def score(enhanced: Audio, pair: Pair) -> Scores:
    """`quality` of one mixture, and how much SI-SNR was gained over the noisy one."""
    scores = quality(enhanced, pair.clean)
    return scores | {"si_snr_gain": scores["si_snr"] - si_snr(pair.noisy, pair.clean)}


def score_set(enhance: Enhance, pairs: Sequence[Pair], pool: Executor) -> Iterator[Scores]:
    """`score` of every mixture, in order; `enhance` runs in this process, the metrics in `pool`."""
    waiting = [pool.submit(score, enhance(pair.noisy), pair) for pair in pairs]
    return (each.result() for each in waiting)


def summary(scores: Sequence[Scores]) -> dict[str, Any]:
    """Mean and standard error of each metric over the mixtures that have it."""
    rows: dict[str, Any] = {}
    for name in scores[0]:
        values = np.array([s.get(name, math.nan) for s in scores])
        values = values[np.isfinite(values)]
        if not values.size:
            continue
        spread = values.std(ddof=1) / math.sqrt(values.size) if values.size > 1 else 0.0
        rows[name] = {"mean": round(float(values.mean()), 4), "error": round(float(spread), 4)}
        if values.size < len(scores):
            rows[name]["mixtures"] = int(values.size)
    return rows


def by_ratio(scores: Sequence[Scores], snr_db: Sequence[int]) -> dict[str, Any]:
    """`summary` of the mixtures of each signal-to-noise ratio."""
    return {
        str(ratio): summary([s for s, r in zip(scores, snr_db, strict=True) if r == ratio])
        for ratio in sorted(set(snr_db))
    }
