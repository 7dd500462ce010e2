"""The text that reviewers ask for: which counts, which formula, which prices, with citations."""

from __future__ import annotations

from neurodeploy.bench.results import Results
from neurodeploy.report.document import Section, Sources
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.text import plural, price, si, significant

PADDING = "Zero-padding, bias, pooling and normalisation are treated alike on both sides."


def methods_text(results: Results, sources: Sources) -> str:
    """One paragraph for a paper; numbers in brackets are those of the list of sources."""
    n = results.network
    sentences = [
        f"Operations were counted exactly with NeuroDeploy {_version(results)} on "
        f"{plural(n.batch, 'inference')} of {plural(n.steps, 'step')} of {price(n.dt_s, 's')} "
        f"({n.arithmetic} arithmetic), by the convention {results.convention_text.rstrip('.')}.",
        PADDING,
    ]
    if results.ann is not None:
        kind = (
            "an artificial network derived from it (same connections, a rectifier for each neuron, "
            "untrained)"
            if results.ann.derived
            else f"the artificial network {results.ann.name}"
        )
        passes = plural(results.ann.passes, "pass", "passes")
        sentences.append(f"It was compared with {kind} at {passes} per inference.")
    used = {e.model for e in results.energy if e.energy_j is not None}
    for model in results.models:
        if model.name in used or (model.name == "lemaire" and "memory-aware" in used):
            sentences.append(f"{model.name.capitalize()} model: {model.text}.")
    for e in foremost(results):
        cited = sources.numbers(tuple(t.source for t in e.terms if t.source))
        marks = ", ".join(map(str, cited))
        sentences.append(
            f"On {place(e)} the spiking network takes an estimated {si(e.energy_j, 'J')} per "
            f"inference ({si(e.low_j, 'J')} to {si(e.high_j, 'J')}; {e.evidence} prices [{marks}]; "
            f"without {'; '.join(e.missing)})."
        )
    sentences += _ratio_sentences(results)
    sentences.append("All energies are estimates, none is a measurement.")
    return " ".join(sentences)


def _ratio_sentences(results: Results) -> list[str]:
    shown = {(e.hardware, e.model, e.precision) for e in foremost(results)}
    found = []
    for r in results.ratios:
        if r.ann == "ann" and not r.against and (r.hardware, r.model, r.precision) in shown:
            found.append(
                f"Artificial over spiking energy is {significant(r.ratio)} (from "
                f"{significant(r.low)} to {significant(r.high)}) on {r.hardware}, {r.precision}, "
                f"{r.model}; quality: {r.quality}."
            )
    return found


def _version(results: Results) -> str:
    return results.provenance.versions.get("neurodeploy", "")


def methods_section(results: Results, sources: Sources) -> Section | None:
    """None for results without an estimate."""
    if not any(e.energy_j is not None for e in results.energy):
        return None
    return Section("methods", "For a methods section", (methods_text(results, sources),))
