"""The work of one side of a comparison: its counts, by layer, and what makes them one inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from neurodeploy.bench.counting.record import CountRecord, LayerCount


@dataclass(frozen=True)
class Layer:
    """links: rows with connections; cells: the others (neurons, rectifiers, normalisation)."""

    name: str
    links: tuple[LayerCount, ...]
    cells: tuple[LayerCount, ...]


@dataclass(frozen=True)
class Traffic:
    """Of a placed network and a whole run: messages between cores, tiles they passed; chips."""

    messages: int
    hops: int
    chips: int = 1


@dataclass(frozen=True)
class Work:
    """side: "snn" or "ann". times: what one inference is of the record's totals.

    inference_s: how long it lasts in real time, None if unknown; layer_of: the layer that a row
    belongs to, where that is not the row's own name; forms: "dense", "sparse" or "conv" by row;
    traffic: by hardware, of chips on which the network was placed.
    """

    side: str
    record: CountRecord
    times: Fraction
    inference_s: float | None = None
    layer_of: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    traffic: Mapping[str, Traffic] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Rows by the layer they belong to, in the record's order."""
        groups: dict[str, list[LayerCount]] = {}
        for row in self.record.counted:
            groups.setdefault(self.layer_of.get(row.name, row.name), []).append(row)
        return tuple(
            Layer(
                name,
                tuple(row for row in rows if row.dense_macs),
                tuple(row for row in rows if not row.dense_macs),
            )
            for name, rows in groups.items()
        )


def ann_work(record: CountRecord, passes: int, inference_s: float | None = None) -> Work:
    """An inference is `passes` forward passes on one sample."""
    times = Fraction(passes, record.samples * record.steps)
    return Work("ann", record, times, inference_s)
