"""Where spikes pay in a codec's encoder: joules of its layers beside those of its artificial twin.

    python -m neurodeploy.bench.spiking_coding --corpus CORPUS --out RESULTS.json
        --twin RUN/esc_tiny.safetensors --spiking RUN2/spiking_esc_tiny.safetensors … [--hw all]

Both encode 4.8 s of the same recordings; counts are of what ran (bench.counting), prices the energy
bench's, on all hardware that prices both sides. A layer is a matrix, or both products of attention,
and the neurons (or GELU) whose values it takes: of the artificial side every product, of the
spiking one a spike's, with each update of a neuron. `rest` is what has no spikes on either side,
and costs the same on both.
The memory-aware model sizes a layer's state for all tokens of the 4.8 s, as the layers run; since
neurons begin at rest at each token, hardware that goes token by token needs less, and each access
costs it less. Nothing is measured in joules, and no quality is told here: neurodeploy.bench.coding.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurodeploy.bench.coding import COUNTED_S, Encoding
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic
from neurodeploy.bench.counting.torch_counter import count_ops
from neurodeploy.bench.energy_models import ENERGY_MODELS, Work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.bench.enhancement_systems import digest_of
from neurodeploy.bench.enhancer_work import populations
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.bench.vocoding import test_recordings
from neurodeploy.errors import errors_as_lines
from neurodeploy.hardware import Hardware, list_hardware, load_hardware
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import SAMPLE_RATE
from neurodeploy.zoo.codec.weights import open_codec
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.spiking_esc import SignedSpikes, Spikes, steps_of

RECORDINGS = 4
# h = v + g (x - v), v = (1 - |s|) h; a gain on x is a threshold of 1 / gain
NEURONS: dict[type, NeuronArithmetic] = {
    SignedSpikes: NeuronArithmetic("plif, signed", 1, 2, 2, 1, leading=2),
    Spikes: NeuronArithmetic("plif", 1, 2, 1, 1, leading=2),
}
# From rest and for one step there is no state.
AT_ONCE: dict[type, NeuronArithmetic] = {
    SignedSpikes: NeuronArithmetic("threshold, signed", 0, 0, 2, 0, leading=2),
    Spikes: NeuronArithmetic("threshold", 0, 0, 1, 0, leading=2),
}
PARTS = {
    "attention.fire_in": "qkv",
    "attention.qkv": "qkv",
    "attention.fire_q": "attention",
    "attention.fire_k": "attention",
    "attention.fire_v": "attention",
    "attention": "attention",
    "attention.fire_out": "out",
    "attention.out": "out",
    "fire": "expand",
    "mlp.0": "expand",
    "mlp.1": "project",
    "mlp.2": "project",
}
REST = "rest"
ENCODER = "codec.encoder."


def layer_of(row: str) -> str:
    """The layer of a row's module: "first.0 qkv", "scales.2.blocks.1 expand", ..., or `REST`."""
    ends = (end for end in PARTS if row.endswith("." + end))
    end = next(ends, None)
    if end is None or not row.startswith(ENCODER):
        return REST
    return f"{row[len(ENCODER) : -len(end) - 1]} {PARTS[end]}"


def encoding_work(codec: Esc, recordings: Sequence[Tensor]) -> list[Work]:
    """Of encoding recordings (1, samples) of one length by all streams, per second of audio."""
    spectrum = codec.spectrum(torch.cat(list(recordings)))
    network = Encoding(codec, codec.config.streams)
    record = count_ops(network, spectrum, samples=len(spectrum), neurons=_neurons(codec))
    seconds = len(spectrum) * spectrum.shape[-1] * codec.config.hop / SAMPLE_RATE
    times = Fraction(1) / Fraction(seconds).limit_denominator(10**6)
    layers = {row.name: layer_of(row.name) for row in record.layers}
    return parts(codec, Work("ann", record, times, 1.0, layers))


class Transmission(Encoding):
    """Spectrum -> spectrum, through the codes of the first streams."""

    def forward(self, spectrum: Tensor) -> Tensor:
        return self.codec.decode(super().forward(spectrum))


def transmission_work(codec: Esc, recording: Tensor, streams: int) -> list[Work]:
    """Of encoding and decoding (1, samples); one inference is all of it."""
    spectrum = codec.spectrum(recording)
    record = count_ops(Transmission(codec, streams), spectrum, neurons=_neurons(codec))
    seconds = spectrum.shape[-1] * codec.config.hop / SAMPLE_RATE
    return parts(codec, Work("ann", record, Fraction(1), seconds, populations(record)))


def parts(codec: Esc, work: Work) -> list[Work]:
    """Of a spiking codec the layers with spikes and, priced as its twin's, all others."""
    if steps_of(codec) is None:
        return [work]
    layers = {row.name: layer_of(row.name) for row in work.record.layers}
    fired = tuple(row for row in work.record.layers if layers[row.name] != REST)
    dense = tuple(row for row in work.record.layers if layers[row.name] == REST)
    spikes = replace(work, side="snn", record=replace(work.record, layers=fired), layer_of=layers)
    return [spikes, replace(work, record=replace(work.record, layers=dense))]


def _neurons(codec: Esc) -> dict[type, NeuronArithmetic]:
    return AT_ONCE if steps_of(codec) == 1 else NEURONS


def counts(works: Sequence[Work]) -> dict[str, dict[str, float]]:
    """Per layer and second: products, of values and of spikes, updates; spikes sent an input."""
    found: dict[str, dict[str, float]] = {}
    for work in works:
        by = work.record.convention
        for layer in work.layers:
            links = layer.links
            sent, inputs = (sum(getattr(r, n) for r in links) for n in ("spikes_in", "inputs"))
            totals = {
                "dense_macs": sum(row.dense(by) for row in layer.links),
                "macs": sum(row.effective_macs(by) for row in layer.links),
                "acs": sum(row.effective_acs(by) for row in layer.links),
                "updates": sum(row.updates for row in layer.cells),
            }
            found[layer.name] = {n: round(float(v * work.times)) for n, v in totals.items()}
            found[layer.name]["input_rate"] = sent / inputs if inputs else 0.0
    return found


def energies(works: Sequence[Work], chips: Sequence[Hardware]) -> dict[str, list[EnergyEstimate]]:
    """Of each part, by hardware, precision and model that price all of them; of what is artificial
    every product, zero or not."""
    found: dict[str, list[EnergyEstimate]] = defaultdict(list)
    for work in works:
        for e in (e for chip in chips for m in ENERGY_MODELS.values() for e in m(work, chip)):
            if e.side == work.side and e.energy_j is not None:
                found[e.place].append(e)
    return {place: estimates for place, estimates in found.items() if len(estimates) == len(works)}


def by_layer(estimates: Sequence[EnergyEstimate]) -> dict[str, float]:
    """Joules a second of audio."""
    joules: dict[str, float] = defaultdict(float)
    for term in (term for estimate in estimates for term in estimate.terms):
        joules[term.layer] += term.energy_j or 0.0
    return dict(joules)


def where_spikes_pay(
    snn: Sequence[Work], twin: Sequence[Work], chips: Sequence[Hardware]
) -> dict[str, Any]:
    """By place: joules a second of audio of both and their ratio, in all and of each layer; in how
    many layers with spikes (`of`) these are cheaper (`paying`)."""
    ours, theirs = energies(snn, chips), energies(twin, chips)
    rows: dict[str, Any] = {}
    for place in ours.keys() & theirs.keys():
        pair = (by_layer(ours[place]), by_layer(theirs[place]))
        layers = {n: _compared(*(side.get(n, 0.0) for side in pair)) for n in pair[1]}
        whole = _compared(*(sum(side.values()) for side in pair))
        spiking = [row for name, row in layers.items() if name != REST]
        paying = sum(row["spiking_j"] < row["twin_j"] for row in spiking)
        rows[place] = {
            "encoding": whole,
            "paying": paying,
            "of": len(spiking),
            "layers": layers,
            "missing": sorted({m for e in (*ours[place], *theirs[place]) for m in e.missing}),
        }
    return dict(sorted(rows.items()))


def _compared(ours: float, theirs: float) -> dict[str, float]:
    return {"spiking_j": ours, "twin_j": theirs, "ratio": ours / theirs if theirs else 0.0}


def _facts(weights: Path, works: Sequence[Work]) -> dict[str, Any]:
    return {
        "made_of": digest_of(weights),
        "layers": counts(works),
        "not_counted": dict(works[0].record.uncounted),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--twin", type=Path, required=True)
    parser.add_argument("--spiking", type=Path, nargs="+", required=True)
    parser.add_argument("--hw", nargs="*", default=list_hardware(systems=False))
    given = parser.parse_args()
    chips = [load_hardware(name) for name in given.hw]
    audio = _recordings(given.corpus)
    twin = encoding_work(open_codec(given.twin).network, audio)
    table: dict[str, Any] = {
        "provenance": to_json(provenance("python -m neurodeploy.bench.spiking_coding")),
        "twin": _facts(given.twin, twin),
    }
    for path in given.spiking:
        work = encoding_work(open_codec(path).network, audio)
        places = where_spikes_pay(work, twin, chips)
        table[path.stem] = _facts(path, work) | {"places": places}
        write_text(given.out, json.dumps(table, indent=1) + "\n")
        for place, row in places.items():
            print(f"{path.stem:18} {place:45} {_said(row)}")


def _recordings(corpus: Path) -> list[Tensor]:
    """A window's length of the first test recordings, (1, samples): what memory must hold."""
    samples = round(COUNTED_S * SAMPLE_RATE)
    long = [x[None, :samples] for x in test_recordings(corpus) if x.size >= samples]
    return [torch.from_numpy(x) for x in long[:RECORDINGS]]


def _said(row: Mapping[str, Any]) -> str:
    whole = row["encoding"]
    both = f"{whole['spiking_j']:.3g} J, twin {whole['twin_j']:.3g} J a second"
    return f"{both}, cheaper in {row['paying']} of {row['of']} layers"


if __name__ == "__main__":
    with errors_as_lines():
        main()
