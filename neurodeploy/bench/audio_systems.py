"""Speech enhancers, vocoders and codecs side by side: operations, joules and quality a second.

    python -m neurodeploy.bench.audio_systems --out SYSTEMS.json
        [--networks RUN/spiking_s4.safetensors RUN/spiking_s4_loihi.nir …]
        [--enhancement RESULTS.json] [--vocoding RESULTS.json] [--coding RESULTS.json] [--hw all]
    neurodeploy report SYSTEMS.json -o systems.html

Each spiking network stands beside its dense twin. Without a network's weights its dense figures are
known, and its events are not: they are left open. Quality comes from the results files of
`bench.enhancement`, `bench.vocoding` and `bench.coding`: of weights that are given, by their
SHA-256; else by name, whose SHA-256 is then the row's. Rates of codecs are found by name, and have
no quality where the weights given are others. A network that has neither is not trained, and has no
quality. Of a spiking codec what has no spikes is priced as its twin's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from neurodeploy.bench.audio_counts import Counted, codec, enhancer, program, vocoder
from neurodeploy.bench.audio_records import (
    AudioSystem,
    AudioSystems,
    Score,
    write_audio_systems,
)
from neurodeploy.bench.energy_models import ENERGY_MODELS, Work
from neurodeploy.bench.enhancement_systems import digest_of
from neurodeploy.bench.enhancer_energy import second_energies, together
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.results_files import read_json
from neurodeploy.bench.vocoding import made_of
from neurodeploy.errors import ConfigError, DataError, Diagnostic, errors_as_lines
from neurodeploy.hardware import Hardware, list_hardware, load_hardware
from neurodeploy.whole_files import file_problem
from neurodeploy.zoo.codec.weights import open_codec
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.enhancers import ENHANCERS
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.vocoders import VOCODERS

TASKS: Final = ("enhancement", "vocoding", "coding")
TWINS: Final = {
    "s4_ann": "",
    "spiking_s4": "s4_ann",
    "spiking_s4_loihi": "s4_ann",
    "sdnn_baseline": "",
    "vocos": "",
    "spiking_vocos": "vocos",
    "spiking_vocos_loihi": "vocos",
    "vocos_small": "",
    "spiking_vocos_small": "vocos_small",
    "spiking_vocos_loihi_small": "vocos_small",
}
"""The networks that have a row in any case, with the dense one that each is held against."""
CODEC_TWINS: Final = {
    "esc_tiny": "",
    "spiking_esc_t1": "esc_tiny",
    "spiking_esc_tiny": "esc_tiny",
    "esc_base": "",
    "esc_large": "",
}
"""So of codecs, at each rate."""
KBPS: Final = 1.5  # a stream
Rows = Mapping[str, Mapping[str, Any]]


def measure(
    networks: Sequence[Path], results: Mapping[str, Path], chips: Sequence[Hardware]
) -> AudioSystems:
    """All systems; results: files of quality by task. Raises ConfigError for files that are no
    network of the zoo and DataError for what is no results file."""
    files = _by_name(networks)
    tables = {task: _table(path) for task, path in results.items()}
    rows = {task: _quality(table) for task, table in tables.items()}
    systems = tuple(
        _system(name, files.get(name), rows, chips)
        for name in dict.fromkeys([*TWINS, *files])
        if name not in CODECS
    )
    codecs = tuple(_codecs(files, rows.get("coding", {}), chips))
    known = {s.name for s in (*systems, *codecs)} | {s.weights for s in systems if s.weights}
    return AudioSystems(
        title="Audio systems side by side",
        provenance=provenance("python -m neurodeploy.bench.audio_systems"),
        systems=tuple(sorted((*systems, *codecs), key=lambda s: TASKS.index(s.task))),
        references={
            task: {name: of for name, (made_of, of) in found.items() if not {name, made_of} & known}
            for task, found in rows.items()
        },
        tests={task: _test(table) for task, table in tables.items()},
        links={q.source: q.link for chip in chips for q in chip.prices.values()},
    )


def _by_name(networks: Sequence[Path]) -> dict[str, Path]:
    """NAME of NAME.safetensors, "NAME (fixed)" of a graph or Program."""
    found: dict[str, Path] = {}
    problems = []
    for path in networks:
        torch = path.suffix == ".safetensors"
        known = path.stem.removesuffix("" if torch else "_tuned") in {**ENHANCERS, **VOCODERS}
        known |= torch and path.stem in CODEC_TWINS
        if (problem := file_problem(path)) is not None:
            problems.append(Diagnostic(str(path), "file", problem))
        elif path.suffix not in (".safetensors", ".nir", ".ndp") or not known:
            detail = "has no row here: NAME.safetensors, NAME.nir or NAME.ndp of the zoo's networks"
            problems.append(Diagnostic(str(path), "network-unknown", detail))
        found[path.stem if torch else f"{path.stem} (fixed)"] = path
    if problems:
        raise ConfigError(problems)
    return found


def _system(
    name: str, file: Path | None, rows: Mapping[str, Any], chips: Sequence[Hardware]
) -> AudioSystem:
    stem = name.removesuffix(" (fixed)").removesuffix("_tuned")
    task = "enhancement" if stem in ENHANCERS else "vocoding"
    if file is not None and file.suffix != ".safetensors":
        counted = program(file, chips)
    else:
        counted = (enhancer if stem in ENHANCERS else vocoder)(stem, file, chips)
    side = "ann" if stem.endswith("_ann") or stem.startswith("vocos") else "snn"
    twin = TWINS.get(stem, "vocos_small" if "small" in stem else "")
    digest_by = digest_of if task == "enhancement" else made_of
    digest, quality = _known(name, "" if file is None else digest_by(file), rows.get(task, {}))
    return _row(name, task, side, twin, digest, counted, quality, chips)


def _codecs(
    files: Mapping[str, Path],
    rows: Mapping[str, Any],
    chips: Sequence[Hardware],
    streams: Sequence[int] = range(1, 7),
) -> Iterator[AudioSystem]:
    for name, twin in CODEC_TWINS.items():
        given, trained = _trained(name, files.get(name))
        for count in streams:
            rate = f" {KBPS * count:g}"
            digest, quality = _known(name + rate, "", rows)
            if given not in ("", digest):
                digest, quality = given, {}
            side, against = ("snn", twin + rate) if twin else ("ann", "")
            counted = codec(name, count, trained)
            yield _row(name + rate, "coding", side, against, digest, counted, quality, chips)


def _trained(name: str, file: Path | None) -> tuple[str, Esc | None]:
    """SHA-256 of a codec's file, and what it holds; ConfigError for another codec."""
    if file is None:
        return "", None
    found = open_codec(file)
    if found.name != name:
        detail = f"holds {found.name}, and is named after {name}"
        raise ConfigError(Diagnostic(str(file), "network-unknown", detail))
    return digest_of(file), found.network


def _row(
    name: str,
    task: str,
    side: str,
    twin: str,
    digest: str,
    counted: Counted,
    quality: dict[str, Score],
    chips: Sequence[Hardware],
) -> AudioSystem:
    works = [work for work in (counted.work, counted.dense) if work is not None]
    events = side == "snn" and bool(works)
    seconds = works[0].inference_s or 0.0 if works else 0.0
    operations = sum(work.record.synaptic_operations for work in works)
    updates = sum(row.updates for work in works for row in work.record.layers)
    return AudioSystem(
        name=name,
        task=task,
        side=side,
        twin=twin,
        parameters=counted.parameters,
        macs_per_s=counted.macs_per_s,
        activity=counted.activity,
        weights=digest,
        synaptic_operations_per_s=(operations / seconds if events else None),
        neuron_updates_per_s=updates / seconds if events else None,
        memory_words_per_s=sum(map(_words, works)) / seconds if works else None,
        energy=tuple(together([_energy(work, chips) for work in works])),
        quality=quality,
    )


def _energy(work: Work, chips: Sequence[Hardware]) -> list[Any]:
    """Of dense networks as dense hardware runs them; a torch run is no spiking chip's."""
    able = [c for c in chips if c.kind != "spiking" or work.forms]
    return [e for e in second_energies(work, able) if e.side == work.side]


def _words(work: Work) -> float:
    (found,) = ENERGY_MODELS["lemaire"](work, load_hardware("cmos45nm"))
    ends = ("read", "write")
    return float(sum(t.count for t in found.terms if t.term.endswith(ends)) * work.times)


def _table(path: Path) -> dict[str, Any]:
    table = read_json(path)
    if not isinstance(table, dict) or not isinstance(table.get("systems"), dict):
        raise DataError(Diagnostic(str(path), "results-file", "holds no table of systems"))
    return table


def _quality(table: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Score]]]:
    """What a row was made of, and its scores."""
    found = {}
    for name, row in table["systems"].items():
        scores = {
            metric: Score(score["mean"], score["error"])
            for metric, score in row.get("quality", row).items()
            if isinstance(score, dict) and score.get("mean") is not None and "error" in score
        }
        found[name] = (str(row.get("made_of", "")), scores)
    return found


def _known(
    name: str, digest: str, rows: Mapping[str, tuple[str, dict[str, Score]]]
) -> tuple[str, dict[str, Score]]:
    """Weights and quality: of these weights, whatever their row is called; else of the name."""
    if digest:
        return digest, next((scores for made_of, scores in rows.values() if made_of == digest), {})
    return rows.get(name, ("", {}))


def _test(table: Mapping[str, Any]) -> str:
    if "mixtures" in table:
        return f"{table['mixtures']} mixtures of the set {table.get('set', '')}"
    return f"{table['recordings']} recordings of LibriSpeech's test voices, {table['seconds']} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    for task in TASKS:
        parser.add_argument(f"--{task}", type=Path, help=f"results of neurodeploy.bench.{task}")
    parser.add_argument("--hw", nargs="*", default=list_hardware(systems=False))
    given = parser.parse_args()
    results = {task: path for task in TASKS if (path := getattr(given, task)) is not None}
    chips = [load_hardware(name) for name in given.hw]
    found = measure(given.networks, results, chips)
    write_audio_systems(found, given.out)


if __name__ == "__main__":
    with errors_as_lines():
        main()
