"""The entries of a parsed hardware file: checked strictly, all problems collected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from neurodeploy.errors import Diagnostic
from neurodeploy.hardware.quantities import (
    EVIDENCE,
    LIMITS,
    PRICES,
    REFINEMENTS,
    SCOPES,
    TIMES,
    UNITS,
    Hardware,
    Quantity,
)

_TOP_LEVEL: Final = (
    *("name", "title", "kind", "note", "chip", "placed_as", "sources"),
    *("limits", "prices", "times", "references"),
)
_SOURCE: Final = ("text", "link")
_ENTRY: Final = ("value", "unit", "source", "evidence", "scope", "note", "low", "high")


class Reader:
    """Reads a parsed document and collects what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Diagnostic] = []

    def problem(self, where: str, detail: str, hint: str = "") -> None:
        place = f"{self.file}: {where}" if where else self.file
        self.problems.append(Diagnostic(place, "hardware-entry", detail, hint))

    def hardware(self, document: Mapping[str, Any]) -> Hardware:
        self._known_keys("", document, _TOP_LEVEL)
        chip = self._text("", document, "chip", required=False)
        kind = self._text("", document, "kind", required=not chip)
        if chip and kind:
            self.problem("kind", "a system is of its chip's kind", "leave it out")
        kind = "spiking" if chip else kind
        if kind and kind not in PRICES:
            self.problem("kind", f"{kind!r} is not one of {', '.join(PRICES)}")
        sources = self._sources(document)
        known = PRICES.get(kind, {}) | (REFINEMENTS if kind == "spiking" else {})
        hardware = Hardware(
            name=self._text("", document, "name"),
            title=self._text("", document, "title"),
            kind=kind,
            note=self._text("", document, "note", required=False),
            limits=self._entries(document, "limits", LIMITS, sources),
            prices=self._entries(document, "prices", known, sources),
            references=self._entries(document, "references", None, sources),
            times=self._entries(document, "times", TIMES, sources),
            chip=chip,
            placed_as=self._text("", document, "placed_as", required=False),
        )
        further = [term for term in hardware.prices if term != "synaptic_operation"]
        if hardware.is_all_in and further:
            detail = f"an all-in price, and prices of {', '.join(further)} beside it"
            hint = "what it holds already would be counted twice: leave them out"
            self.problem("prices.synaptic_operation", detail, hint)
        return hardware

    def _sources(self, document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
        """Citation and link of each source: `key = "words"` or `key = { text, link }`."""
        found = {}
        for key, raw in self._table("sources", document.get("sources", {})).items():
            where = f"sources.{key}"
            entry = raw if isinstance(raw, Mapping) else {"text": raw}
            self._known_keys(where, entry, _SOURCE)
            text, link = entry.get("text"), entry.get("link", "")
            if not isinstance(text, str) or not text.strip():
                self.problem(where, "a source is a citation in words")
            if not isinstance(link, str) or (link and not link.startswith("https://")):
                self.problem(where, f"link {link!r} does not start with https://")
            found[key] = (str(text), str(link))
        return found

    def _entries(
        self,
        document: Mapping[str, Any],
        section: str,
        known: Mapping[str, str] | None,
        sources: Mapping[str, tuple[str, str]],
    ) -> dict[str, Quantity]:
        entries: dict[str, Quantity] = {}
        for key, raw in self._table(section, document.get(section, {})).items():
            where = f"{section}.{key}"
            if known is not None and key not in known:
                self.problem(where, "unknown key", f"known are {', '.join(known)}")
                continue
            quantity = self._quantity(where, self._table(where, raw), sources)
            expected = None if known is None else known[key]
            if expected is not None and quantity.unit and quantity.unit != expected:
                self.problem(where, f"unit {quantity.unit!r} where {expected!r} is meant")
            if section in ("prices", "times") and not quantity.value > 0:
                hint = "leave out what is not known: it is then unpriced"
                self.problem(where, f"a price of {quantity.value:g}", hint)
            if section == "limits" and ("_per_" in key or key == "chips") and quantity.value < 1:
                self.problem(where, f"{quantity.value:g}: a chip has at least 1")
            if section != "limits" and quantity.scope not in SCOPES:
                self.problem(where, f"scope {quantity.scope!r} is not one of {', '.join(SCOPES)}")
            entries[key] = quantity
        return entries

    def _quantity(
        self, where: str, entry: Mapping[str, Any], sources: Mapping[str, tuple[str, str]]
    ) -> Quantity:
        self._known_keys(where, entry, _ENTRY)
        unit_text = self._text(where, entry, "unit")
        if unit_text and unit_text not in UNITS:
            self.problem(where, f"unit {unit_text!r} is not one of {', '.join(UNITS)}")
        unit, exponent = UNITS.get(unit_text, ("", 0))
        source = self._text(where, entry, "source")
        if source and source not in sources:
            self.problem(where, f"source {source!r} is not listed in [sources]")
        evidence = self._text(where, entry, "evidence")
        if evidence and evidence not in EVIDENCE:
            self.problem(where, f"evidence {evidence!r} is not one of {', '.join(EVIDENCE)}")
        value = self._number(where, entry, "value", exponent)
        low = self._number(where, entry, "low", exponent, required=False)
        high = self._number(where, entry, "high", exponent, required=False)
        ends = [x for x in (low, value, high) if x is not None]
        if ends != sorted(ends):
            self.problem(where, "low, value and high are not in this order")
        text, link = sources.get(source, ("", ""))
        return Quantity(
            value=math.nan if value is None else value,
            unit=unit,
            source=text,
            evidence=evidence,
            scope=self._text(where, entry, "scope", required=False),
            note=self._text(where, entry, "note", required=False),
            low=low,
            high=high,
            link=link,
        )

    def _number(
        self, where: str, entry: Mapping[str, Any], key: str, exponent: int, required: bool = True
    ) -> float | None:
        raw = entry.get(key)
        if raw is None:
            if required:
                self.problem(where, f"{key} is missing")
            return None
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
            self.problem(where, f"{key} is {raw!r}, not a finite number")
            return None
        # Through the decimal text: 23.6 pJ is the float nearest to 23.6e-12, not 23.6 * 1e-12.
        return raw if exponent == 0 else float(Decimal(repr(raw)).scaleb(exponent))

    def _text(self, where: str, table: Mapping[str, Any], key: str, required: bool = True) -> str:
        raw = table.get(key)
        if raw is None:
            if required:
                self.problem(where, f"{key} is missing")
            return ""
        if not isinstance(raw, str):
            self.problem(where, f"{key} is {raw!r}, not text")
            return ""
        if required and not raw.strip():
            self.problem(where, f"{key} is empty")
        return raw

    def _table(self, where: str, raw: object) -> Mapping[str, Any]:
        if isinstance(raw, Mapping):
            return raw
        self.problem(where, f"{raw!r} is not a table")
        return {}

    def _known_keys(self, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self.problem(where, f"unknown key {key!r}", f"known are {', '.join(known)}")
