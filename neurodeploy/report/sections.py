"""From results to a document: every table, in the order in which a referee asks."""

from __future__ import annotations

from neurodeploy.agreement import Difference
from neurodeploy.bench.results import Results
from neurodeploy.report.chip_sections import chips_section, measured_section, proxies_section
from neurodeploy.report.document import Cell, Document, Section, Sources, Table, cells_of
from neurodeploy.report.energy_sections import energy_section
from neurodeploy.report.figures import raster
from neurodeploy.report.foremost import PRECISION, foremost, place
from neurodeploy.report.methods import methods_section
from neurodeploy.report.operation_sections import operations_section
from neurodeploy.report.price_sections import prices_section
from neurodeploy.report.rates_sections import LINKS, rates_section
from neurodeploy.report.ratio_sections import ratios_section
from neurodeploy.report.rounding_sections import rounding_section
from neurodeploy.report.text import NOTHING, band, count, percent, plural, price, si, significant
from neurodeploy.report.trade_sections import trade_section


def build_document(results: Results) -> Document:
    """The whole report of `results`."""
    sources = Sources(links=links_of(results))
    *parts, caveats, origin = network_sections(results, sources)
    prices = prices_section(results, sources)
    network = results.network
    return Document(
        title=results.title,
        subtitle=f"{network.name}: {plural(network.neurons, 'neuron')}, "
        f"{plural(network.weights, 'weight')}, {network.arithmetic} arithmetic, "
        f"steps of {price(network.dt_s, 's')}. Energies are estimated, not measured.",
        headlines=_headlines(results),
        sections=(*parts, prices, caveats, origin),
        sources=sources.cited,
    )


def network_sections(results: Results, sources: Sources) -> list[Section]:
    """Everything about one network but the prices, in the order in which a referee asks."""
    built = (
        _network(results),
        _agreement(results),
        rounding_section(results),
        _quality(results),
        energy_section(results, sources),
        ratios_section(results),
        rates_section(results, sources),
        trade_section(results),
        chips_section(results),
        measured_section(results),
        proxies_section(results, sources),
        operations_section(results),
        _raster(results),
        methods_section(results, sources),
        _caveats(results),
        _provenance(results),
    )
    return [section for section in built if section is not None]


def _headlines(results: Results) -> tuple[tuple[str, str, str], ...]:
    network, found = results.network, []
    exact = [a for a in results.agreement if a.exact]
    if exact:
        differing, compared = sum(a.differing for a in exact), sum(a.compared for a in exact)
        remark = f"of {count(compared)} that must be equal"
        found.append(("differing values", count(differing), remark))
    synops = sum(layer.synaptic_operations for layer in results.layers)
    each = count(round(synops / network.batch))
    found.append(("synaptic operations", each, "per inference, mean"))
    if results.ann is not None and network.ann_passes is not None:
        macs = round(results.ann.counts.macs_per_step * network.ann_passes)
        other = "twin" if results.ann.derived else "network"
        found.append((f"MACs of the artificial {other}", count(macs), "per inference"))
    for e in foremost(results)[:1]:
        remark = f"{band(e.low_j, e.high_j, 'J')}, {place(e)}"
        found.append(("estimated energy", si(e.energy_j, "J"), remark))
    for r in results.ratios:
        if r.precision == PRECISION and r.ann == "ann" and not r.against:
            value = f"{significant(r.ratio)} ×"
            remark = f"{significant(r.low)} to {significant(r.high)}, {r.hardware}, {r.precision}"
            found.append(("artificial / spiking", value, remark))
    return tuple(found)


def links_of(results: Results) -> dict[str, str]:
    """Links by citation, from the prices in use."""
    found = dict(LINKS) | {p.source: p.link for p in results.proxies}
    for chip in results.hardware:
        for q in (*chip.prices.values(), *chip.references.values()):
            found[q.source] = q.link
    return found


def _raster(results: Results) -> Section | None:
    """A sample of spikes; None if the results carry none."""
    picture = raster(results.raster, results.network.dt_s)
    return None if picture is None else Section("raster", "Spikes", figures=(picture,))


def _network(results: Results) -> Section:
    n = results.network
    rows = [
        ("Inputs", "; ".join(f"{k} {' × '.join(map(str, v))}" for k, v in n.inputs.items())),
        ("Outputs", ", ".join(n.outputs)),
        ("Neurons", count(n.neurons)),
        ("Weights stored", count(n.weights)),
        ("Connections per step", count(n.connections)),
        ("Arithmetic", n.arithmetic),
        ("Time step", price(n.dt_s, "s")),
        ("Inference", f"{plural(n.steps, 'step')}, {price(n.inference_s, 's')} in real time"),
        ("Inferences counted", count(n.batch)),
    ]
    if n.ann_passes is not None:
        passes = plural(n.ann_passes, "pass", "passes")
        rows.append(("Artificial network", f"{passes} per inference"))
    table = Table("", ("", ""), (False, False), tuple(cells_of(*row) for row in rows))
    return Section("network", "Network", tables=(table,), points=n.notes)


def _agreement(results: Results) -> Section | None:
    """Exact pairs by stage and quantity, all layers together; rounding layer by layer."""
    if not results.agreement:
        return None
    groups: dict[tuple[str, ...], list[Difference]] = {}
    for d in results.agreement:
        layer = "" if d.exact else d.layer
        groups.setdefault((d.left, d.right, d.quantity, layer), []).append(d)
    rows = tuple(_agreement_row(group) for group in groups.values())
    columns = (
        "Stages",
        "Layers",
        "Quantity",
        "Compared",
        "Differing",
        "Share",
        "Largest difference",
        "First",
        "Meant to be",
    )
    numeric = (False, False, False, True, True, True, True, False, False)
    table = Table("Values that differ from one stage to the next.", columns, numeric, rows)
    return Section("agreement", "Agreement at each stage", tables=(table,))


def _agreement_row(group: list[Difference]) -> tuple[Cell, ...]:
    first = group[0]
    compared, differing = sum(d.compared for d in group), sum(d.differing for d in group)
    tone = ("bad" if differing else "good") if first.exact else ""
    wrong = [d for d in group if d.differing]
    place = NOTHING
    if wrong:
        early = min(wrong, key=lambda d: d.first_step)
        place = f"step {early.first_step}, neuron {early.first_neuron} of {early.layer}"
    return (
        Cell(f"{first.left} → {first.right}"),
        Cell(", ".join(d.layer for d in group)),
        Cell(first.quantity),
        Cell(count(compared)),
        Cell(count(differing), tone=tone),
        Cell(percent(differing / compared) if compared else NOTHING),
        Cell(NOTHING if first.quantity == "spikes" else f"{max(d.largest for d in group):.2g}"),
        Cell(place),
        Cell("equal" if first.exact else "rounded"),
    )


def _quality(results: Results) -> Section | None:
    if not results.quality:
        return None
    metrics = tuple(dict.fromkeys(m for q in results.quality for m in q.metrics))
    rows = tuple(
        (
            Cell(q.name),
            Cell(q.group),
            *(Cell(f"{q.metrics[m]:.4g}" if m in q.metrics else NOTHING) for m in metrics),
            Cell(q.note),
        )
        for q in results.quality
    )
    columns = ("Model", "Kind", *metrics, "Remark")
    numeric = (False, False, *(True for _ in metrics), False)
    table = Table("Scores; the remark says on which recordings.", columns, numeric, rows)
    return Section("quality", "Quality", tables=(table,))


def _caveats(results: Results) -> Section:
    return Section("caveats", "What these numbers are not", points=results.caveats)


def _provenance(results: Results) -> Section:
    p = results.provenance
    rows = [("Created", p.created), ("Command", p.command or NOTHING)]
    rows += [(key.capitalize(), value) for key, value in p.machine.items()]
    rows += list(p.versions.items())
    rows += [("Results schema", results.schema), ("Counting convention", results.convention)]
    table = Table("", ("", ""), (False, False), tuple(cells_of(*row) for row in rows))
    return Section("provenance", "Provenance", tables=(table,))
