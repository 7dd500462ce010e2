"""The section about operations: both networks, layer by layer."""

from __future__ import annotations

from neurodeploy.bench.energy_records import Ann, EnergyEstimate
from neurodeploy.bench.results import Results
from neurodeploy.report.document import Cell, Section, Table, cells_of
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.price_sections import hardware_anchor
from neurodeploy.report.text import NOTHING, count, per, percent, plural, si, significant


def operations_section(results: Results) -> Section:
    """Operations of both networks, layer by layer."""
    tables = [_layer_table(results)]
    if results.ann is not None:
        tables.append(_ann_table(results.ann))
    return Section("operations", "Operations", (results.convention_text,), tuple(tables))


def _layer_table(results: Results) -> Table:
    batch = results.network.batch
    priced = foremost(results)
    rows = []
    for x in results.layers:
        cells = cells_of(
            x.name,
            x.model,
            count(x.size),
            count(x.connections),
            x.messages or NOTHING,
            percent(x.input_rate),
            NOTHING if x.spikes_per_synapse is None else significant(x.spikes_per_synapse),
            per(x.synaptic_operations, batch),
            per(x.neuron_updates, batch),
            percent(x.rate),
        )
        rows.append((*cells, *(_joules(e, x.name) for e in priced)))
    rows.append(_layer_total(results, priced))
    columns = (
        "Layer",
        "Model",
        "Neurons",
        "Connections",
        "Input",
        "Input rate",
        "Spikes per synapse",
        "Synaptic operations",
        "Neuron updates",
        "Firing rate",
        *(f"Energy, {place(e)}" for e in priced),
    )
    numeric = (False, False, True, True, False, *(True for _ in columns[5:]))
    caption = (
        "The spiking network by layer: operations, spikes per synapse and energy per inference."
    )
    note = (
        "Rates are per step; the input rate is weighted by fan-out (synaptic operations over "
        "connections)."
    )
    return Table(caption, columns, numeric, tuple(rows), note)


def _layer_total(results: Results, priced: tuple[EnergyEstimate, ...]) -> tuple[Cell, ...]:
    layers, batch = results.layers, results.network.batch
    operations = sum(x.synaptic_operations for x in layers)
    connections = sum(x.connections for x in layers)
    rate = operations / (connections * results.network.steps * batch) if connections else None
    cells = cells_of(
        "Total",
        "",
        count(sum(x.size for x in layers)),
        count(connections),
        "",
        percent(rate),
        NOTHING if rate is None else significant(rate * results.network.steps),
        per(operations, batch),
        per(sum(x.neuron_updates for x in layers), batch),
        "",
    )
    return (*cells, *(_joules(e) for e in priced))


def _joules(e: EnergyEstimate, layer: str = "") -> Cell:
    """Of a layer, or of all; a click leads to the prices."""
    total = e.energy_j
    if layer:
        total = sum(t.energy_j or 0.0 for t in e.terms if t.layer == layer)
    return Cell(si(total, "J"), anchor=hardware_anchor(e.hardware), order=total)


def _ann_table(ann: Ann) -> Table:
    counts, by = ann.counts, ann.counts.convention
    runs = counts.samples * counts.steps
    rows = [
        cells_of(
            row.name or "(root)",
            row.op,
            *_passes(row.dense(by), row.effective_macs(by), row.effective_acs(by), ann),
            per(row.bias_adds + row.adds + row.compares, runs),
        )
        for row in counts.counted
    ]
    sums = (counts.dense_macs, counts.effective_macs, counts.effective_acs)
    rows.append(cells_of("Total", "", *_passes(*sums, ann), per(counts.element_adds, runs)))
    columns = (
        "Layer",
        "Kind",
        "MACs per pass",
        "Effective MACs",
        "Effective ACs",
        "MACs per inference",
        "Additions beside",
    )
    numeric = (False, False, True, True, True, True, True)
    left_out = ", ".join(f"{op} ({plural(n, 'call')})" for op, n in counts.uncounted.items())
    note = f"Not counted: {left_out}." if left_out else "Every operator that computes is counted."
    caption = f"The artificial network ({ann.name}), one pass; {counts.boundary}."
    return Table(caption, columns, numeric, tuple(rows), note)


def _passes(dense: int, macs: int, acs: int, ann: Ann) -> tuple[str, ...]:
    """Per pass, and dense MACs per inference."""
    runs = ann.counts.samples * ann.counts.steps
    return (*(per(n, runs) for n in (dense, macs, acs)), per(dense * ann.passes, runs))
