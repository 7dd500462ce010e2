"""Hardware descriptions as TOML files: found by name, read strictly, all problems at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware.quantities import (
    EVIDENCE,
    LIMITS,
    PRICES,
    SCOPES,
    TIMES,
    UNITS,
    Hardware,
    Quantity,
)
from neurodeploy.resources import resource, resource_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TOP_LEVEL: Final = (
    *("name", "title", "kind", "note", "chip", "sources"),
    *("limits", "prices", "times", "references"),
)
_ENTRY: Final = ("value", "unit", "source", "evidence", "scope", "note", "low", "high")


def list_hardware(*, systems: bool = True) -> tuple[str, ...]:
    """The names that `load_hardware` knows, sorted; without systems, chips and processes alone."""
    names = (name.removesuffix(".toml") for name in resource_names("hw_configs", ".toml"))
    return tuple(n for n in names if systems or not load_hardware(n).chip)


def load_hardware(name_or_path: str | Path) -> Hardware:
    """The hardware named so in `hw_configs/`, or described by the TOML file at a path.

    A file that names a `chip` is a system of it: it has that chip's numbers but for its own. Raises
    ConfigError with every problem of the file: unknown keys, missing unit, source, evidence or
    scope, wrong types, units that do not fit, prices that are not positive.
    """
    path = _locate(name_or_path)
    document = _parsed(path)
    reader = _Reader(path.name)
    hardware = reader.hardware(document)
    if reader.problems:
        raise ConfigError(reader.problems)
    if not hardware.chip:
        return hardware
    chip = _located_chip(hardware.chip, path)
    return replace(
        hardware,
        kind=chip.kind,
        limits={**chip.limits, **hardware.limits},
        prices={**chip.prices, **hardware.prices},
        times={**chip.times, **hardware.times},
        references={**chip.references, **hardware.references},
    )


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(Diagnostic(path.name, "hardware-file", str(error))) from error


def _located_chip(name: str, system: Path) -> Hardware:
    """The chip of a system: one that we know, or a file beside the system's."""
    beside = system.with_name(f"{name}.toml")
    if beside == system:
        raise ConfigError(Diagnostic(system.name, "hardware-entry", "chip: it names itself"))
    chip = load_hardware(beside if beside.is_file() else name)
    if chip.chip:
        detail = f"chip: {name} is a system itself"
        raise ConfigError(Diagnostic(system.name, "hardware-entry", detail))
    return chip


def _locate(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if path.is_file():
            return path
        raise ConfigError(Diagnostic(str(path), "hardware-file", "no such file"))
    known = list_hardware()
    if str(name_or_path) not in known:
        detail = f"unknown hardware; known are {', '.join(known)}"
        hint = "name one of these or give the path of a .toml file"
        raise ConfigError(Diagnostic(str(name_or_path), "hardware-name", detail, hint))
    return resource("hw_configs", f"{name_or_path}.toml")


class _Reader:
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
        return Hardware(
            name=self._text("", document, "name"),
            title=self._text("", document, "title"),
            kind=kind,
            note=self._text("", document, "note", required=False),
            limits=self._entries(document, "limits", LIMITS, sources),
            prices=self._entries(document, "prices", PRICES.get(kind, {}), sources),
            references=self._entries(document, "references", None, sources),
            times=self._entries(document, "times", TIMES, sources),
            chip=chip,
        )

    def _sources(self, document: Mapping[str, Any]) -> dict[str, str]:
        table = self._table("sources", document.get("sources", {}))
        for key, text in table.items():
            if not isinstance(text, str) or not text.strip():
                self.problem(f"sources.{key}", "a source is a citation in words")
        return {key: str(text) for key, text in table.items()}

    def _entries(
        self,
        document: Mapping[str, Any],
        section: str,
        known: Mapping[str, str] | None,
        sources: Mapping[str, str],
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
        self, where: str, entry: Mapping[str, Any], sources: Mapping[str, str]
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
        return Quantity(
            value=math.nan if value is None else value,
            unit=unit,
            source=sources.get(source, ""),
            evidence=evidence,
            scope=self._text(where, entry, "scope", required=False),
            note=self._text(where, entry, "note", required=False),
            low=self._number(where, entry, "low", exponent, required=False),
            high=self._number(where, entry, "high", exponent, required=False),
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
        return raw if exponent == 0 else float(f"{raw!r}e{exponent}")

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
