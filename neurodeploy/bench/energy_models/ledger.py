"""A ledger of count x price: terms, what is missing, and their sum as an estimate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from neurodeploy.bench.energy_models.work import Work
from neurodeploy.bench.energy_records import EnergyEstimate, EnergyTerm
from neurodeploy.hardware import Hardware, Quantity, weakest_evidence

BAND: Final = (0.5, 2.0)
"""Least sensitivity band: published figures for one chip differ by more (Loihi 23.6 to 35.5 pJ)."""


@dataclass
class Ledger:
    """Of one side on one hardware by one model."""

    work: Work
    hardware: Hardware
    model: str
    side: str
    precision: str
    scope: str = "per-term"
    terms: list[EnergyTerm] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def book(self, layer: str, group: str, term: str, count: int, price: Quantity | None) -> None:
        """Adds count x price; without a price the term is kept, unpriced."""
        if price is None:
            self.terms.append(
                EnergyTerm(layer, group, term, count, None, None, None, None, "", "", "")
            )
            return
        each = float(count * self.work.times)
        low = price.value if price.low is None else price.low
        high = price.value if price.high is None else price.high
        self.terms.append(
            EnergyTerm(
                layer=layer,
                group=group,
                term=term,
                count=count,
                price_j=price.value,
                energy_j=each * price.value,
                low_j=each * low * BAND[0],
                high_j=each * high * BAND[1],
                source=price.source,
                evidence=price.evidence,
                scope=price.scope,
            )
        )

    def estimate(self) -> EnergyEstimate:
        """The sum of what is priced; terms without a price come first in what is missing."""
        priced = [t for t in self.terms if t.energy_j is not None]
        unpriced = sorted({t.term for t in self.terms if t.energy_j is None and t.count})
        energy = sum(t.energy_j or 0.0 for t in priced) if priced else None
        seconds = self.work.inference_s
        uncounted = [f"{op} ({n} calls)" for op, n in self.work.record.uncounted.items()]
        names = (f"{term.replace('_', ' ')}s" for term in unpriced)
        return EnergyEstimate(
            side=self.side,
            hardware=self.hardware.name,
            precision=self.precision,
            model=self.model,
            convention=self.work.record.convention.id,
            scope=self.scope,
            evidence=weakest_evidence(tuple(t.evidence for t in priced)),
            energy_j=energy,
            low_j=sum(t.low_j or 0.0 for t in priced) if priced else None,
            high_j=sum(t.high_j or 0.0 for t in priced) if priced else None,
            power_w=None if energy is None or not seconds else energy / seconds,
            terms=tuple(self.terms),
            missing=(*names, *self.missing, *uncounted),
        )
