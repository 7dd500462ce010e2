"""Speech enhancers on one and the same set of mixtures.

    python -m neurodeploy.bench.enhancement (--corpus CORPUS [--set test] | --voicebank FOLDER)
        --out RESULTS.json [--networks RUN/spiking_s4.safetensors X.nir …] [--workers 2]

Every mixture is enhanced once per system; the metrics are computed in parallel processes. Each row
is a mean over the set; `error` is its standard error. `costs`: of every tenth mixture.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.bench.enhancer_costs import network_costs
from neurodeploy.bench.speech_metrics import dnsmos, estoi, pesq_wb, si_snr, stoi
from neurodeploy.errors import DataError
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.audio.stream import Enhancer, enhance_recording
from neurodeploy.zoo.data.noisy_speech import Pair
from neurodeploy.zoo.data.noisy_speech_sets import SETS, RenderedSet, render_set
from neurodeploy.zoo.data.voicebank import read_pair, voicebank_files
from neurodeploy.zoo.denoisers import CpuDenoiser, open_program
from neurodeploy.zoo.models.classical_enhancers import (
    iterative_wiener,
    rnnoise,
    spectral_subtraction,
)

Enhance = Callable[[Audio], Audio]
Scores = dict[str, float]

COUNTED_EVERY = 10  # mixtures; operations vary less than quality

CLASSICAL: dict[str, Enhance] = {
    "noisy": lambda audio: audio,
    "spectral_subtraction": spectral_subtraction,
    "iterative_wiener": iterative_wiener,
    "rnnoise": rnnoise,
}


def quality(enhanced: Audio, clean: Audio) -> Scores:
    """All metrics of one recording; PESQ is nan where P.862 finds no speech."""
    try:
        pesq = pesq_wb(enhanced, clean)
    except DataError:
        pesq = math.nan
    return {
        "si_snr": si_snr(enhanced, clean),
        "pesq_wb": pesq,
        "stoi": stoi(enhanced, clean),
        "estoi": estoi(enhanced, clean),
        **dnsmos(enhanced),
    }


def score(enhanced: Audio, pair: Pair) -> Scores:
    """`quality` of one mixture, and how much SI-SNR was gained over the noisy one."""
    scores = quality(enhanced, pair.clean)
    return scores | {"si_snr_gain": scores["si_snr"] - si_snr(pair.noisy, pair.clean)}


def score_set(enhance: Enhance, pairs: Sequence[Pair], workers: int = 1) -> list[Scores]:
    """`score` of every mixture, in order; `enhance` runs in this process."""
    enhanced = [enhance(pair.noisy) for pair in pairs]
    if workers == 1:
        return [score(e, p) for e, p in zip(enhanced, pairs, strict=True)]
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(score, enhanced, pairs))


def summary(scores: Sequence[Scores]) -> dict[str, Any]:
    """Mean and standard error of each metric over the mixtures that have it."""
    rows: dict[str, Any] = {}
    for name in scores[0]:
        values = np.array([s[name] for s in scores])
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


def torch_enhancer(weights: Path) -> Enhance:
    """The network of zoo/models/enhancers.py that the file is named after, with its weights."""
    import torch

    from neurodeploy.zoo.models.enhancers import ENHANCERS
    from neurodeploy.zoo.train.checkpoint import load_weights

    model = ENHANCERS[weights.stem]()
    load_weights(weights, model)
    model.eval()

    @torch.no_grad()
    def enhance(audio: Audio) -> Audio:
        out: Audio = model(torch.from_numpy(audio[None])).audio[0].numpy()
        return out

    return enhance


def program_enhancer(network: Path) -> Enhance:
    """The integers behind a .nir or .ndp (`zoo.denoisers.open_program`), a new stream each time."""
    program = open_program(network, "cpu")

    def enhance(audio: Audio) -> Audio:
        return enhance_recording(Enhancer(CpuDenoiser(program)), audio)

    return enhance


def named_systems(networks: Sequence[Path]) -> dict[str, Enhance]:
    """The baselines, and trained networks: NAME.safetensors in torch as NAME, the rest as NAME on
    the chip's integers."""
    systems = dict(CLASSICAL)
    for path in networks:
        if path.suffix == ".safetensors":
            systems[path.stem] = torch_enhancer(path)
        else:
            systems[f"{path.stem} (fixed)"] = program_enhancer(path)
    return systems


def voicebank_set(root: Path) -> RenderedSet:
    """The test set of VoiceBank+DEMAND; the digest is of its file names."""
    files = [f for f in voicebank_files(root) if f.split == "test"]
    digest = hashlib.sha256("\n".join(f.noisy.name for f in files).encode()).hexdigest()
    return RenderedSet(tuple(map(read_pair, files)), (), digest)


def measure(
    mixtures: RenderedSet, set_name: str, systems: Mapping[str, Enhance], workers: int
) -> dict[str, Any]:
    """The table of a set as JSON, with its digest and, where known, by ratio."""
    rows = {}
    for name, enhance in systems.items():
        scores = score_set(enhance, mixtures.pairs, workers)
        rows[name] = summary(scores)
        if mixtures.snr_db:
            rows[name]["by_snr_db"] = by_ratio(scores, mixtures.snr_db)
        means = "  ".join(f"{k} {v['mean']:.2f}" for k, v in summary(scores).items())
        print(f"{name:22} {means}", file=sys.stderr)
    return {
        "set": set_name,
        "digest": mixtures.digest,
        "mixtures": len(mixtures.pairs),
        "systems": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--corpus", type=Path, help="folder of `neurodeploy data prepare`")
    data.add_argument("--voicebank", type=Path, help="folder of VoiceBank+DEMAND")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", default="test", choices=SETS, help="of the corpus")
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if given.voicebank is not None:
        name, mixtures = "voicebank_test", voicebank_set(given.voicebank)
    else:
        name, mixtures = given.set, render_set(given.corpus, SETS[given.set])
    table = measure(mixtures, name, named_systems(given.networks), given.workers)
    some = [pair.noisy for pair in mixtures.pairs[::COUNTED_EVERY]]
    table["costs"] = {path.name: network_costs(path, some) for path in given.networks}
    write_text(given.out, json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
