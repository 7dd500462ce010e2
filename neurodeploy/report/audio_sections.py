"""The page of audio systems side by side, per second of audio; shows, and computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from neurodeploy.bench.audio_records import AudioSystem, AudioSystems, Score
from neurodeploy.bench.energy_records import SecondEnergy
from neurodeploy.report.audio_figures import quality_over_energy
from neurodeploy.report.document import Cell, Document, Figure, Section, Sources, Table
from neurodeploy.report.text import NOTHING, band, si, significant

METRIC, TITLE = "pesq_wb", "PESQ-WB"
NOT_MEASURED: Final = "not measured"
Place = tuple[str, str, str]
FLOAT: Final[Place] = ("cmos45nm", "fp32", "arithmetic")
BYTE: Final[Place] = ("cmos45nm", "int8-acc32", "arithmetic")
MEMORY: Final[Place] = ("cmos45nm", "int32", "memory-aware")
PLACES: Final = {
    FLOAT: "arithmetic, fp32",
    BYTE: "arithmetic, int8 into int32",
    MEMORY: "with memory, int32",
}
METRICS: Final = {
    "pesq_wb": (TITLE, 2),
    "stoi": ("STOI", 3),
    "si_snr_gain": ("SI-SNR gain, dB", 2),
    "si_sdr": ("SI-SDR, dB", 2),
    "ovrl": ("DNSMOS OVRL", 2),
    "mr_stft": ("MR-STFT", 3),
    "mel_distance": ("mel distance", 2),
    "visqol": ("ViSQOL", 2),
    "distillmos": ("Distill-MOS", 2),
}
TASKS: Final = {
    "enhancement": "Speech enhancement",
    "vocoding": "Vocoding: from mel spectra to speech",
    "coding": "Coding at 1.5 to 9 kbit/s",
}
CONVENTIONS: Final = (
    "Everything is per second of audio, and of the network between the transforms: STFT, mel "
    "bands and inverse transforms are in no figure.",
    "MACs: every connection, whatever the values; a spiking network's in each of its steps; of an "
    "enhancer with its state spaces as recurrences, of a codec with attention. Not what spiking "
    "hardware does: those are the synaptic operations, nonzero messages times their fan-out.",
    "Energy is estimated, never measured: counts times published prices. Its band is half to "
    "twice, or wider where a source prints a range. Dense networks make every product, zeros too; "
    "arithmetic alone leaves out all memory; 32-bit words are the reads and writes that the "
    "memory-aware model (Lemaire et al. 2022) prices.",
    "Spikes are counted with trained weights alone. Where a network is not trained its dense "
    "figures stand and the rest is left open; a rate that is assumed says so.",
    "Compare down a column, within a task: tasks differ in what they do, and quality is of each "
    "task's own test set. Spiking chips run Programs, hence only rows marked (fixed).",
)


def build_audio(results: AudioSystems) -> Document:
    """One document; tasks that have no system are left out."""
    sources = Sources(links=results.links)
    conventions = Section("conventions", "What is compared", points=CONVENTIONS)
    tasks = [
        _task(results, task, [s for s in results.systems if s.task == task], sources)
        for task in dict.fromkeys(s.task for s in results.systems)
    ]
    return Document(
        title=results.title,
        subtitle="Operations, energy and quality per second of audio. Energies are estimated, "
        f"not measured. {results.provenance.created[:10]}, {results.provenance.command}",
        headlines=tuple(_headlines(results.systems)),
        sections=(_overview(results.systems), conventions, *tasks),
        sources=sources.cited,
    )


def joules(system: AudioSystem, place: Place) -> SecondEnergy | None:
    """The estimate of a place, if it has a price."""
    found = (e for e in system.energy if (e.hardware, e.precision, e.model) == place)
    return next((e for e in found if e.energy_j is not None), None)


def _headlines(systems: Sequence[AudioSystem]) -> Iterator[tuple[str, str, str]]:
    """Each spiking network over its twin, where events are known."""
    by_name = {s.name: s for s in systems}
    for system in systems:
        twin = by_name.get(system.twin)
        mine = joules(system, FLOAT)
        its = None if twin is None else joules(twin, FLOAT)
        if twin is None or mine is None or its is None or not mine.energy_j:
            continue
        ratio = significant((its.energy_j or 0.0) / mine.energy_j)
        assumed = ", rate assumed" if system.activity.startswith("assumed") else ""
        yield f"{twin.name} / {system.name}", f"{ratio} ×", f"fp32 arithmetic alone{assumed}"


def _overview(systems: Sequence[AudioSystem]) -> Section:
    columns = ("System", "Parameters", "MACs", "Synaptic operations", "32-bit words")
    rows = tuple(
        (
            Cell(s.name, anchor=s.task),
            Cell(f"{s.parameters:,}"),
            _amount(s.macs),
            _amount(s.synaptic_operations_per_s, dense=s.side == "ann"),
            _amount(s.memory_words_per_s),
            *(_energy_cell(joules(s, place), band_too=False) for place in PLACES),
            _score(s.quality, METRIC),
            Cell(_activity(s), tone="quiet"),
        )
        for s in systems
    )
    heads = (*columns, *(f"J, {words}" for words in PLACES.values()), TITLE, "Values")
    note = (
        "Per second of audio; 45 nm CMOS (Horowitz 2014). –: does not apply, or is not known "
        "without trained weights."
    )
    numeric = (False, *(True for _ in heads[1:-1]), False)
    table = Table("All systems.", heads, numeric, rows, note)
    return Section("overview", "All systems", tables=(table,))


def _activity(system: AudioSystem) -> str:
    return system.activity or "not counted: no trained weights, or its integers tell"


def _amount(value: float | None, *, dense: bool = False) -> Cell:
    return Cell(NOTHING if value is None or dense else si(value, "", 3).strip(), order=value)


def _energy_cell(e: SecondEnergy | None, *, band_too: bool = True) -> Cell:
    if e is None or e.energy_j is None:
        return Cell(NOTHING)
    inside = f" ({band(e.low_j, e.high_j, 'J')})" if band_too else ""
    return Cell(si(e.energy_j, "J") + inside, order=e.energy_j)


def _score(quality: dict[str, Score], metric: str) -> Cell:
    if not quality:
        return Cell(NOT_MEASURED, tone="quiet")
    score = quality.get(metric)
    if score is None:
        return Cell(NOTHING)
    digits = METRICS[metric][1]
    return Cell(f"{score.mean:.{digits}f} ± {score.error:.{digits}f}", order=score.mean)


def _task(
    results: AudioSystems, task: str, systems: Sequence[AudioSystem], sources: Sources
) -> Section:
    made = (_picture(systems, place, words) for place, words in PLACES.items() if place != BYTE)
    tables = (*_parts(systems), *_quality(results, task, systems), *_prices(systems, sources))
    figures = tuple(figure for figure in made if figure)
    return Section(task, TASKS.get(task, task), tables=tables, figures=figures)


def _picture(systems: Sequence[AudioSystem], place: Place, words: str) -> Figure | None:
    def energy(system: AudioSystem) -> float | None:
        found = joules(system, place)
        return None if found is None else found.energy_j

    return quality_over_energy(systems, METRIC, TITLE, energy, f"45 nm, {words}")


def _parts(systems: Sequence[AudioSystem]) -> Iterator[Table]:
    parts = tuple(dict.fromkeys(part for s in systems for part in s.macs_per_s))
    if len(parts) < 2:
        return
    rows = tuple(
        (Cell(s.name), *(_amount(s.macs_per_s.get(part)) for part in parts), _amount(s.macs))
        for s in systems
    )
    numeric = (False, *(True for _ in parts), True)
    yield Table("MACs by part.", ("System", *parts, "all"), numeric, rows)


def _quality(results: AudioSystems, task: str, systems: Sequence[AudioSystem]) -> Iterator[Table]:
    rows: dict[str, dict[str, Score]] = dict(results.references.get(task, {}))
    rows |= {s.name: s.quality for s in systems}
    metrics = [m for m in METRICS if any(m in quality for quality in rows.values())]
    if not metrics:
        return
    yield Table(
        f"Quality: {results.tests.get(task, '')}.",
        ("System", *(METRICS[m][0] for m in metrics)),
        (False, *(True for _ in metrics)),
        tuple((Cell(name), *(_score(q, m) for m in metrics)) for name, q in rows.items()),
        "Means and their standard errors. PESQ is part of what some networks were trained on.",
    )


def _prices(systems: Sequence[AudioSystem], sources: Sources) -> Iterator[Table]:
    """Every hardware; of a codec its lowest and its highest rate."""
    shown = [s for s in systems if s.energy and not _between(s, systems)]
    places: dict[Place, list[SecondEnergy]] = {}
    for system in shown:
        for e in system.energy:
            if e.energy_j is not None:
                places.setdefault((e.hardware, e.precision, e.model), []).append(e)
    left_out = list(dict.fromkeys(_missing(found) for found in places.values()))
    rows = tuple(
        (
            Cell(place[0]),
            Cell(", ".join(place[1:])),
            *(_energy_cell(joules(s, place)) for s in shown),
            Cell(found[0].evidence, sources.numbers(_cited(found))),
            Cell(found[0].scope),
            Cell(f"[{left_out.index(_missing(found)) + 1}]"),
        )
        for place, found in sorted(places.items())
    )
    heads = (
        "Hardware",
        "Precision, model",
        *(s.name for s in shown),
        "Evidence",
        "Scope",
        "Without",
    )
    numeric = (False, False, *(True for _ in shown), False, False, False)
    every = {e.hardware for s in shown for e in s.energy}
    unpriced = sorted(every - {place[0] for place in places})
    note = " ".join(f"[{n}] without {text}." for n, text in enumerate(left_out, 1))
    if unpriced:
        note += f" No price is published for: {', '.join(unpriced)}."
    if rows:
        yield Table(
            "Joules per second of audio on all hardware, with bands.", heads, numeric, rows, note
        )


def _between(system: AudioSystem, systems: Sequence[AudioSystem]) -> bool:
    """Whether it is a rate of a codec that has a lower and a higher one."""
    name, _, rate = system.name.rpartition(" ")
    if system.task != "coding":
        return False
    rates = [float(s.name.rpartition(" ")[2]) for s in systems if s.name.startswith(f"{name} ")]
    return min(rates) < float(rate) < max(rates)


def _missing(found: Sequence[SecondEnergy]) -> str:
    return "; ".join(dict.fromkeys(text for e in found for text in e.missing))


def _cited(found: Sequence[SecondEnergy]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for e in found for source in e.sources))
