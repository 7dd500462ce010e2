"""How far uncertain prices move a ratio: its band, and a tornado of what matters most.

A ratio is R = sum a_i p_i / sum s_i p_i over prices p_i, each anywhere in [low_i, high_i] and the
same on both sides. It is monotone in every price, so its ends lie at corners: p_i is high where
a_i > R s_i, which Dinkelbach's iteration settles in a few rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.bench.energy_records import EnergyEstimate, Swing

Amounts = Mapping[str, tuple[float, float, float]]  # price -> joules at low, value, high


@dataclass(frozen=True)
class Sides:
    """Joules of both sides by price."""

    ann: Amounts
    snn: Amounts

    @property
    def prices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.snn, *self.ann)))

    def ratio(self, at: Mapping[str, int]) -> float:
        """R with every price at its low (0), value (1) or high (2) end."""
        ann, snn = (
            sum(amounts[at.get(price, 1)] for price, amounts in side.items())
            for side in (self.ann, self.snn)
        )
        return ann / snn


def sides(ann: EnergyEstimate, snn: EnergyEstimate) -> Sides:
    """Both estimates by the names of their prices; shared on one hardware, else apart."""
    shared = ann.hardware == snn.hardware
    return Sides(
        _amounts(ann, "" if shared else f"{ann.hardware}: "),
        _amounts(snn, "" if shared else f"{snn.hardware}: "),
    )


def _amounts(estimate: EnergyEstimate, prefix: str) -> dict[str, tuple[float, float, float]]:
    found: dict[str, tuple[float, float, float]] = {}
    for term in estimate.terms:
        if term.energy_j is None or term.low_j is None or term.high_j is None:
            continue
        name = prefix + term.term.replace("_", " ")
        low, value, high = found.get(name, (0.0, 0.0, 0.0))
        found[name] = (low + term.low_j, value + term.energy_j, high + term.high_j)
    return found


def ratio_band(both: Sides) -> tuple[float, float]:
    """Least and largest ratio over all prices in their bands."""
    return _extreme(both, upward=False), _extreme(both, upward=True)


def _extreme(both: Sides, *, upward: bool) -> float:
    ratio = both.ratio({})
    while True:
        at = {}
        for price in both.prices:
            ann, snn = (side.get(price, (0.0, 0.0, 0.0))[1] for side in (both.ann, both.snn))
            at[price] = 2 if (ann > ratio * snn) == upward else 0
        found = both.ratio(at)
        if not (found > ratio if upward else found < ratio):
            return ratio
        ratio = found


def tornado(ann: EnergyEstimate, snn: EnergyEstimate) -> tuple[Swing, ...]:
    """The ratio with one price at a time at either end of its band, the widest first."""
    both = sides(ann, snn)
    swings = [
        Swing(snn.hardware, snn.model, snn.precision, ann.side, price, low, high)
        for price in both.prices
        for low, high in [sorted((both.ratio({price: 0}), both.ratio({price: 2})))]
        if high > low
    ]
    return tuple(sorted(swings, key=lambda s: s.low / s.high))
