"""Differences as people read them: one row per layer and pair of stages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neurodeploy.agreement.elements import Difference


@dataclass(frozen=True)
class LayerRow:
    """A layer between two stages; spikes or membrane are None where they were not compared.

    others: states that only a chip has (u), or a delta that is coded.
    """

    left: str
    right: str
    layer: str
    exact: bool
    spikes: Difference | None
    membrane: Difference | None
    others: tuple[Difference, ...] = ()

    @property
    def found(self) -> tuple[Difference, ...]:
        first = (d for d in (self.spikes, self.membrane) if d is not None)
        return (*first, *self.others)

    @property
    def agrees(self) -> bool:
        return all(d.agrees for d in self.found)

    @property
    def stages(self) -> str:
        """ "NIR = real" promises equality, "real ~ fixed" measures rounding."""
        return f"{self.left} {'=' if self.exact else '~'} {self.right}"

    @property
    def first(self) -> Difference | None:
        """The difference to look at: of the spikes, else the earliest; None if nothing differs."""
        if self.spikes is not None and self.spikes.differing:
            return self.spikes
        wrong = [d for d in self.found if d.differing and (d.exact or self.spikes is None)]
        return min(wrong, key=lambda d: d.first_step, default=None)

    @property
    def verdict(self) -> str:
        if not self.agrees:
            return "DIFFERS"
        if self.exact:
            return "equal"
        same = not (self.spikes or self.membrane or self.found[0]).differing
        return "rounding, none seen" if same else "rounding"


def layer_rows(differences: Iterable[Difference]) -> tuple[LayerRow, ...]:
    """In the order in which pairs and layers first occur."""
    groups: dict[tuple[str, str, str], list[Difference]] = {}
    for d in differences:
        groups.setdefault((d.left, d.right, d.layer), []).append(d)
    rows = []
    for (left, right, layer), found in groups.items():
        by_kind = {d.quantity: d for d in found}
        spikes, membrane = by_kind.get("spikes"), by_kind.get("v")
        others = tuple(d for d in found if d.quantity not in ("spikes", "v"))
        rows.append(LayerRow(left, right, layer, found[0].exact, spikes, membrane, others))
    return tuple(rows)


def place(d: Difference | None) -> str:
    """ "step 3, sample 0, neuron (1, 4, 7): 1 | 0"; nothing for no difference."""
    if d is None or d.first_step < 0:
        return ""
    index = d.first_index if len(d.first_index) != 1 else d.first_index[0]
    neuron = index if d.first_index else d.first_neuron
    sample = f", sample {d.first_sample}" if d.first_sample >= 0 else ""
    values = " | ".join(_apart(d.first_values))
    return f"step {d.first_step}{sample}, neuron {neuron}" + (f": {values}" if values else "")


def _apart(values: tuple[float, ...]) -> list[str]:
    """As few digits, four at least, as show that the values differ."""
    texts: list[str] = []
    for digits in range(4, 18):
        texts = [f"{v:.{digits}g}" for v in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts
