"""The page of audio systems side by side, per second of audio; shows, and computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from neurodeploy.bench.audio_records import AudioSystem, AudioSystems, Score
from neurodeploy.report.audio_figures import quality_over_energy
from neurodeploy.report.audio_prices import Place, energy_cell, joules, price_tables
from neurodeploy.report.document import Cell, Document, Figure, Section, Sources, Table
from neurodeploy.report.text import NOTHING, si, significant

METRIC, TITLE = "pesq_wb", "PESQ-WB"
NOT_MEASURED: Final = "not measured"
NOT_TRAINED: Final = "not trained: no quality figure"
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
    "memory-aware model (Lemaire et al. 2022) prices. Of a spiking codec that model holds all "
    "tokens of the recording at once, more than hardware needs: an upper figure; its layers "
    "without spikes are priced as its twin's.",
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
        remarks = ["fp32 arithmetic alone"]
        if system.activity.startswith("assumed"):
            remarks.append("rate assumed")
        scores = [s.quality[METRIC].mean for s in (twin, system) if METRIC in s.quality]
        both = f"{TITLE} {scores[0]:.2f} / {scores[1]:.2f}" if len(scores) == 2 else ""
        remarks.append(both or "equal quality is not shown")
        yield f"{twin.name} / {system.name}", f"{ratio} ×", ", ".join(remarks)


def _overview(systems: Sequence[AudioSystem]) -> Section:
    columns = ("System", "Parameters", "MACs", "Synaptic operations", "32-bit words")
    rows = tuple(
        (
            Cell(s.name, anchor=s.task),
            Cell(f"{s.parameters:,}"),
            _amount(s.macs),
            _amount(s.synaptic_operations_per_s, dense=s.side == "ann"),
            _amount(s.memory_words_per_s),
            *(energy_cell(joules(s, place), band_too=False) for place in PLACES),
            _score(s.quality, METRIC, _unknown(s)),
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
    return system.activity or ("not counted" if system.weights else "not counted: not trained")


def _unknown(system: AudioSystem) -> str:
    """What stands for the quality of a network that has none."""
    return NOT_MEASURED if system.weights else NOT_TRAINED


def _amount(value: float | None, *, dense: bool = False) -> Cell:
    return Cell(NOTHING if value is None or dense else si(value, "", 3).strip(), order=value)


def _score(quality: dict[str, Score], metric: str, unknown: str = NOTHING) -> Cell:
    if not quality:
        return Cell(unknown, tone="quiet")
    score = quality.get(metric)
    if score is None:
        return Cell(NOTHING)
    digits = METRICS[metric][1]
    return Cell(f"{score.mean:.{digits}f} ± {score.error:.{digits}f}", order=score.mean)


def _task(
    results: AudioSystems, task: str, systems: Sequence[AudioSystem], sources: Sources
) -> Section:
    made = (_picture(systems, place, words) for place, words in PLACES.items() if place != BYTE)
    tables = (*_parts(systems), *_quality(results, task, systems), *price_tables(systems, sources))
    figures = tuple(figure for figure in made if figure)
    title = TASKS.get(task, task)
    return Section(task, title, prose=_untrained(systems), tables=tables, figures=figures)


def _untrained(systems: Sequence[AudioSystem]) -> tuple[str, ...]:
    names = dict.fromkeys(s.name.split(" ")[0] for s in systems if not s.weights)
    return (f"Not trained, hence without a quality figure: {', '.join(names)}.",) if names else ()


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
    rows |= {s.name: s.quality for s in systems if s.quality}
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
