"""The section about firing rates: against break-even rates, layer by layer, and published ones."""

from __future__ import annotations

from typing import Final

from neurodeploy.bench.energy_records import BreakEven
from neurodeploy.bench.results import Results
from neurodeploy.report import figures
from neurodeploy.report.document import Cell, Section, Sources, Table
from neurodeploy.report.text import NOTHING, percent, significant

DAMPFHOFFER: Final = (
    "M. Dampfhoffer et al., Are SNNs really more energy-efficient than ANNs? An in-depth "
    "hardware-aware study, IEEE TETCI 7(3):731-741 (2023)"
)
YAN: Final = (
    "Z. Yan et al., Reconsidering the energy efficiency of spiking neural networks, arXiv "
    "2409.08290, version 4 (2026)"
)
LINKS: Final = {YAN: "https://arxiv.org/abs/2409.08290"}
MOST_LINES: Final = 8  # in the picture; the table has all


def rates_section(results: Results, sources: Sources) -> Section | None:
    """Input rates against break-even rates; None if no connection carries spikes."""
    if not results.break_even:
        return None
    tables = [_line_table(results, sources), _margin_table(results), _published(results, sources)]
    lines = [b for b in results.break_even if "/" not in b.hardware]
    lines += [b for b in results.break_even if "/" in b.hardware][: MOST_LINES - len(lines)]
    picture = figures.rates(results.layers, lines)
    shown = () if picture is None else (picture,)
    return Section("rates", "Firing rates against break-even", tables=tuple(tables), figures=shown)


def _line_table(results: Results, sources: Sources) -> Table:
    columns = (
        "Prices",
        "Break-even rate",
        "With neuron updates",
        "This network",
        "Its rate is",
        "Synapses alone, pJ",
    )
    numeric = (False, True, True, True, False, False)
    note = (
        "Rates are spikes per source neuron and step, over connections that carry spikes. The "
        "third column weighs neuron updates against biases and rectifiers, too; “no rate” means "
        "that the rest alone costs more than the artificial network, “unpriced” that nobody has "
        "published what an update costs. A rate above 100 % is beyond "
        "binary spikes: such prices let any network win, and say nothing about this one. Lines "
        "with memory take weights and membranes from one of 8 KB; the memory-aware estimates give "
        "each population a memory of its own size, and may disagree."
    )
    rows = tuple(_line_row(b, sources) for b in results.break_even)
    return Table("Rates at which both cost the same.", columns, numeric, rows, note)


def _line_row(b: BreakEven, sources: Sources) -> tuple[Cell, ...]:
    return (
        Cell(b.name, sources.numbers(b.sources)),
        Cell(percent(b.rate) if b.rate else "no rate", order=b.rate),
        _with_neurons(b.rate_with_neurons),
        Cell(percent(b.network_rate), order=b.network_rate),
        _verdict(b),
        Cell(b.formula),
    )


def _with_neurons(rate: float | None) -> Cell:
    if rate is None:
        return Cell("unpriced")
    return Cell(percent(rate) if rate else "no rate", order=rate)


def _verdict(b: BreakEven) -> Cell:
    """Of a chip without a price of updates, only that its synapses alone cost too much."""
    if b.network_rate is None:
        return Cell(NOTHING)
    if b.rate_with_neurons is None and b.network_rate < b.rate:
        return Cell("below, without neurons")
    limit = b.rate if b.rate_with_neurons is None else b.rate_with_neurons
    wins = b.network_rate < limit
    return Cell("below" if wins else "above", tone="good" if wins else "bad")


def _margin_table(results: Results) -> Table:
    """Break-even rate over the layer's own: how much more often its inputs may fire."""
    layers = [
        x.name for x in results.layers if any(x.name in b.margins for b in results.break_even)
    ]
    rows = tuple(
        (Cell(b.name), *(_margin(b.margins.get(layer)) for layer in layers))
        for b in results.break_even
    )
    numeric = (False, *(True for _ in layers))
    note = (
        "Break-even rate of the synapses over the layer's input rate: above 1 the layer is on the "
        "good side, below 1 it is what to make sparser. Layers with graded input have no rate."
    )
    return Table("Margins by layer.", ("Prices", *layers), numeric, rows, note)


def _margin(value: float | None) -> Cell:
    if value is None:
        return Cell(NOTHING)
    if value == 0:
        return Cell("no rate", tone="bad", order=0.0)
    return Cell(f"{significant(value)} ×", tone="good" if value > 1 else "bad", order=value)


def _published(results: Results, sources: Sources) -> Table:
    """Thresholds of the literature beside this network's figures."""
    network = results.network
    operations = sum(x.synaptic_operations for x in results.layers)
    dense = network.connections * network.steps * network.batch
    each = significant(operations / dense * network.steps) if dense else NOTHING
    rate = percent(operations / dense) if dense else NOTHING
    rows = (
        (
            Cell("spikes per synapse and inference"),
            Cell("0.15 to 1.38", sources.number(DAMPFHOFFER)),
            Cell(each),
            Cell("below which an IF network beats an efficient artificial one, by its data reuse"),
        ),
        (
            Cell("spike rate per step"),
            Cell("5.7 %", sources.number(YAN)),
            Cell(rate),
            Cell("of a network with T = 5 against one with as many activation levels"),
        ),
    )
    columns = ("Figure", "Published threshold", "This network", "Meaning")
    return Table("Published thresholds.", columns, (False, True, True, False), rows)
