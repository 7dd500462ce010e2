"""The block for a model card or README: what was compared, how, and what came out."""

from __future__ import annotations

from collections.abc import Iterator

from neurodeploy.bench.results import Results
from neurodeploy.report.document import Sources
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.markdown import escaped
from neurodeploy.report.methods import methods_text
from neurodeploy.report.text import NOTHING, band, per, plural, price, si, significant


def render_card(results: Results) -> str:
    """Markdown: a table of facts, and the methods paragraph with its sources."""
    sources = Sources()
    methods = methods_text(results, sources)
    lines = ["### Operations and energy", "", "| | |", "| --- | --- |"]
    lines += [f"| {escaped(key)} | {escaped(value)} |" for key, value in _facts(results)]
    lines += ["", escaped(methods), ""]
    lines += [f"{n}. {escaped(text)}" for n, text in enumerate(sources.texts, 1)]
    return "\n".join(lines).rstrip() + "\n"


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    n, batch = results.network, results.network.batch
    yield "network", f"{n.name}, {plural(n.neurons, 'neuron')}, {plural(n.weights, 'weight')}"
    yield "precision", f"{n.arithmetic} arithmetic"
    yield "time", f"{plural(n.steps, 'step')} of {price(n.dt_s, 's')} per inference"
    yield "data", f"{plural(batch, 'inference')} counted{_quality(results)}"
    yield "boundary", NOTHING if results.counts is None else results.counts.boundary
    yield "counting convention", results.convention
    operations = sum(x.synaptic_operations for x in results.layers)
    yield "synaptic operations", f"{per(operations, batch)} per inference"
    if results.ann is not None:
        kind = "derived, untrained" if results.ann.derived else results.ann.name
        macs = per(results.ann.counts.dense_macs * results.ann.passes, _runs(results))
        yield "artificial network", f"{kind}: {macs} MACs per inference"
    for e in foremost(results):
        joules = f"{si(e.energy_j, 'J')} ({band(e.low_j, e.high_j, 'J')}), {e.evidence} prices"
        yield f"estimated energy, {place(e)}", joules
    shown = {e.place for e in foremost(results)}
    for r in results.ratios:
        if f"{r.hardware}, {r.precision}, {r.model}" in shown and not r.against:
            value = f"{significant(r.ratio)} ({significant(r.low)} to {significant(r.high)})"
            yield f"{r.ann} / snn, {r.hardware}, {r.precision}", f"{value}, quality {r.quality}"
    yield "software", ", ".join(f"{k} {v}" for k, v in results.provenance.versions.items())
    yield "command", results.provenance.command or NOTHING


def _runs(results: Results) -> int:
    assert results.ann is not None
    return results.ann.counts.samples * results.ann.counts.steps


def _quality(results: Results) -> str:
    scores = [q for q in results.quality if q.side]
    words = (f"{q.name} {', '.join(f'{m} {v:.4g}' for m, v in q.metrics.items())}" for q in scores)
    return "".join(f"; {text}" for text in words)
