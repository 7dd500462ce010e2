"""Hardware descriptions as TOML files: found by name, read strictly, all problems at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware.quantities import Hardware
from neurodeploy.hardware.reader import Reader
from neurodeploy.resources import resource, resource_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def list_hardware(*, systems: bool = True) -> tuple[str, ...]:
    """The names that `load_hardware` knows, sorted; without systems, chips and processes alone."""
    names = (name.removesuffix(".toml") for name in resource_names("hw_configs", ".toml"))
    return tuple(n for n in names if systems or not load_hardware(n).chip)


def load_hardware(name_or_path: str | Path) -> Hardware:
    """The hardware named so in `hw_configs/`, or described by the TOML file at a path.

    A file that names a `chip` is a system of it: it has that chip's numbers but for its own; one
    that is `placed_as` another has other prices for that chip's limits and times. Raises
    ConfigError with every problem of the file: unknown keys, missing unit, source, evidence or
    scope, wrong types, units that do not fit, prices that are not positive or lie outside their own
    range, an all-in price with further terms.
    """
    path = _locate(name_or_path)
    document = _parsed(path)
    reader = Reader(path.name)
    hardware = reader.hardware(document)
    if reader.problems:
        raise ConfigError(reader.problems)
    if hardware.placed_as:
        same = _located_chip(hardware.placed_as, path)
        return replace(hardware, limits=same.limits, times=same.times)
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
