"""Energy of Spiking Vocos: the published arithmetic, what it leaves out, and all of it.

    python -m neurodeploy.bench.vocoder_energy --out RESULTS.json [--hw all]
        [--corpus CORPUS --networks RUN/spiking_vocos_small.safetensors RUN/NAME.nir …]

Published (arXiv:2509.13049 and its code), for N blocks of width C, hidden width D and kernel k:

    E_ANN = N (C k + 2 C D) e_mac            E_SNN = N T (C k e_mac + 2 C D r e_ac)      a frame

at 45 nm, fp32, and one mean rate r of all neurons. 1,000 frames of the published sizes are 58.0
and, at T = 4 and r = 0.176, 8.50 mJ. Left out: embedding and head, norms, GELU, neurons, the
shortcut's products, the shift, memory. The full count has all that runs between the mel spectra
and the inverse transform, by `count_ops` and the energy models of this bench; functions and
divisions have no published price, and are counted in `unpriced`.

Of trained networks also joules per second of audio on all hardware (`energy_per_s`); a .nir or .ndp
stands for its integers on the `cpu` backend, chip alone: norm, head and inverse transform are not
in it. Rates are of the test recordings: spikes per neuron and step.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurodeploy.backends.cpu import Session
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.counting.torch_counter import count_ops
from neurodeploy.bench.energy_models import ENERGY_MODELS, Work
from neurodeploy.bench.energy_models.arithmetic import PRECISIONS, arithmetic
from neurodeploy.bench.enhancer_energy import program_energy, program_fits, torch_energy
from neurodeploy.bench.records import to_json
from neurodeploy.errors import ConfigError, Diagnostic, errors_as_lines
from neurodeploy.hardware import Hardware, list_hardware, load_hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.mel import log_mel
from neurodeploy.zoo.denoisers import open_program
from neurodeploy.zoo.models.plif import PlifSteps
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig
from neurodeploy.zoo.models.spiking_vocos_loihi import (
    LoihiBackbone,
    features_of,
    held,
    loihi_backbone,
)
from neurodeploy.zoo.models.vocoders import VOCODERS, load_vocoder, vocoder_of
from neurodeploy.zoo.models.vocos import Vocoder, VocosConfig
from neurodeploy.zoo.train.firing_rates import firing_rates

FRAMES = 1_000
CMOS = "cmos45nm"
# h = v + g (x - v), s = h > 1, v = (1 - s) h
NEURONS: dict[type, NeuronArithmetic] = {PlifSteps: NeuronArithmetic("plif", 1, 2, 1, 1, leading=3)}
# Their table: T and mJ per 1,000 frames.
PUBLISHED = {
    "T = 8": (8, 14.4),
    "T = 4": (4, 6.4),
    "T = 4, shift": (4, 6.9),
    "T = 4, distilled": (4, 8.7),
    "T = 4, shift, distilled": (4, 8.5),
}
PARTS = {
    "embed": "embed",
    "conv": "depthwise",
    "expand": "pointwise",
    "project": "pointwise",
    "out": "head",
    "norm": "norms",
    "first_norm": "norms",
    "fire1": "neurons",
    "fire2": "neurons",
}
ELSEWHERE = "shortcut, scale, residual, shift, sum over steps, GELU, exp"


def published_j(config: VocosConfig, rate: float | None = None) -> float:
    """Joules of 1,000 frames by the published arithmetic; rate: of spiking neurons."""
    mac, ac = (load_hardware(CMOS).prices[f"fp32_{op}"].value for op in ("mac", "ac"))
    depthwise, pointwise = config.width * config.kernel, 2 * config.width * config.hidden
    steps = config.steps if isinstance(config, SpikingVocosConfig) else 1
    step = depthwise * mac + pointwise * (mac if rate is None else rate * ac)
    return FRAMES * config.blocks * steps * step


def implied_rate(config: SpikingVocosConfig, energy_j: float) -> float:
    """The mean rate at which the published arithmetic gives `energy_j`: it is linear in it."""
    silent, full = published_j(config, 0.0), published_j(config, 1.0)
    return (energy_j - silent) / (full - silent)


@contextmanager
def firing_at(vocoder: Vocoder, rate: float) -> Iterator[None]:
    """Neurons spike at random, at this mean rate, whatever they are fed."""
    draws = torch.Generator().manual_seed(0)

    def drawn(module: Any, args: Any, output: Tensor) -> Tensor:
        return (torch.rand(output.shape, generator=draws) < rate).to(output.dtype)

    layers = [m for m in vocoder.modules() if isinstance(m, PlifSteps)]
    handles = [m.register_forward_hook(drawn) for m in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def count_vocoder(vocoder: Vocoder, mel: Tensor) -> CountRecord:
    """Of one recording, log-mel (1, bands, L); a step is a frame."""
    return count_ops(vocoder, mel, steps=mel.shape[-1], neurons=NEURONS)


def full_energy(record: CountRecord, *, spiking: bool) -> dict[str, Any]:
    """Millijoules of 1,000 frames by part: arithmetic in fp32, and in int32 with all memory."""
    cmos = load_hardware(CMOS)
    times = Fraction(FRAMES, record.steps)
    work = Work("snn" if spiking else "ann", record, times)
    estimate = arithmetic(work, cmos, PRECISIONS["fp32"], dense=not spiking)
    parts: dict[str, float] = defaultdict(float)
    unpriced: Counter[str] = Counter()
    for term in estimate.terms:
        part = PARTS.get(term.layer.rsplit(".", 1)[-1], ELSEWHERE)
        parts[part] += 1e3 * (term.energy_j or 0.0)
        if term.price_j is None:
            unpriced[f"{part}: {term.term}"] += round(term.count * float(times))
    (memory,) = ENERGY_MODELS["lemaire"](work, cmos)
    return {
        "parts_mj": dict(parts),
        "arithmetic_mj": 1e3 * (estimate.energy_j or 0.0),
        "with_memory_mj": 1e3 * (memory.energy_j or 0.0),
        "unpriced": dict(unpriced),
        "missing": sorted({*estimate.missing, *memory.missing}),
    }


def published_table() -> dict[str, Any]:
    """The publication's figures, and the mean rates that its own energies imply."""
    ann = published_j(VocosConfig())
    rates = {
        name: round(implied_rate(SpikingVocosConfig(steps=steps), mj * 1e-3), 4)
        for name, (steps, mj) in PUBLISHED.items()
    }
    spiking = published_j(SpikingVocosConfig(), 0.176)
    return {
        "ann_mj": 1e3 * ann,
        "spiking_mj": 1e3 * spiking,
        "ratio": spiking / ann,
        "implied_rates": rates,
    }


def full_table(rate: float = 0.176, frames: int = 200) -> dict[str, Any]:
    """Both networks at the published sizes, neurons firing at `rate`, everything counted."""
    rows = {}
    mel = torch.randn(1, 100, frames, generator=torch.Generator().manual_seed(0))
    for name in ("vocos", "spiking_vocos"):
        vocoder = VOCODERS[name]()
        with firing_at(vocoder, rate):
            record = count_vocoder(vocoder, mel)
        rows[name] = full_energy(record, spiking=name != "vocos")
    return rows | {"ratios": _ratios(rows["spiking_vocos"], rows["vocos"])}


def _ratios(spiking: dict[str, Any], ann: dict[str, Any]) -> dict[str, float]:
    return {key: spiking[key] / ann[key] for key in ("arithmetic_mj", "with_memory_mj")}


@torch.no_grad()
def measured_row(weights: Path, mels: list[Tensor], chips: Sequence[Hardware]) -> dict[str, Any]:
    """A trained network on recordings: its rates by layer, energy by the published arithmetic at
    their mean, and all of it."""
    vocoder = load_vocoder(weights)
    if isinstance(vocoder.backbone, LoihiBackbone):
        detail = "of this network the integers are counted"
        hint = f"give {weights.stem}.nir or .ndp"
        raise ConfigError(Diagnostic(str(weights), "vocoder-chip", detail, hint))
    names = [name for name, m in vocoder.named_modules() if isinstance(m, PlifSteps)]
    mel = torch.cat(mels, dim=-1)
    with firing_rates(*(vocoder.get_submodule(name) for name in names)) as rates:
        record = count_vocoder(vocoder, mel)
        found = [float(rate) for rate in rates()] if names else []
    mean = sum(found) / len(found) if found else None
    dt = vocoder.config.mel.hop / vocoder.config.mel.sample_rate
    return {
        "rates": dict(zip(names, found, strict=True)),
        "mean_rate": mean,
        "published_mj": 1e3 * published_j(vocoder.config, mean),
        "full": full_energy(record, spiking=bool(names)),
        "energy_per_s": to_json(torch_energy(record, dt, chips, spiking=bool(names))),
    }


@torch.no_grad()
def integer_counts(program: Program, vocoder: Vocoder, mels: Sequence[Tensor]) -> Counts:
    """What the Program of `vocoder`'s backbone does on recordings, one after the other."""
    steps = loihi_backbone(vocoder).chip.config.steps
    session = Session(program, threads=1)
    for mel in mels:
        session.advance(held(features_of(mel), steps).numpy())
    return session.counts()


def integers_row(network: Path, mels: list[Tensor], chips: Sequence[Hardware]) -> dict[str, Any]:
    """The same of the integers behind a graph or Program, on spiking hardware, too."""
    program = open_program(network, "cpu")
    counts = integer_counts(program, vocoder_of(network), mels)
    driven = {s.target for s in counts.synapses}  # the others are biases
    spiking = {s.source for s in counts.synapses if not s.graded} & driven
    rates = {n.name: n.spikes / n.neuron_updates for n in counts.neurons if n.name in spiking}
    energy = program_energy(program, counts, chips, program_fits(program, counts, chips))
    return {
        "rates": rates,
        "mean_rate": sum(rates.values()) / len(rates) if rates else None,
        "energy_per_s": to_json(energy),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, help="folder of `neurodeploy data prepare`")
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    parser.add_argument("--hw", nargs="*", default=list_hardware(systems=False))
    given = parser.parse_args()
    if given.networks and given.corpus is None:
        parser.error("--networks needs --corpus")
    table: dict[str, Any] = {"published": published_table(), "full": full_table()}
    if given.networks:
        from neurodeploy.bench.vocoding import test_recordings

        chips = [load_hardware(name) for name in given.hw]
        audio = [torch.from_numpy(x[None]) for x in test_recordings(given.corpus)]
        for path in given.networks:
            row = measured_row if path.suffix == ".safetensors" else integers_row
            mel = vocoder_of(path).config.mel
            table[path.name] = row(path, [log_mel(x, mel) for x in audio], chips)
    write_text(given.out, json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    with errors_as_lines():
        main()
