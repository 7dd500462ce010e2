"""Power rails that were measured: a CSV beside the estimates.

Columns: `time_s`, one or more rails `*_w` (or `watts` alone, their sum), and `idle` (1 while the
device is ready but works on nothing, else 0) or `idle_w` (its idle power, on every row).

    energy = integral of the sum of the rails over the active rows (trapezoids)
    dynamic = energy - idle power x active time

Idle subtraction may leave less than nothing; such a figure is kept and flagged, not mended.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

import numpy as np

from neurodeploy.bench.energy_records import Measurement
from neurodeploy.errors import ConfigError, DataError, Diagnostic

Array = np.ndarray[Any, np.dtype[Any]]
SIDES: Final = ("snn", "ann")


def parse_measurement(text: str) -> Measurement:
    """`snn@loihi2=rails.csv:1000`: rails of 1000 inferences of the spiking network on that chip.

    Raises ConfigError for another form and what `read_measurement` raises.
    """
    place, _, rest = text.partition("=")
    side, _, hardware = place.partition("@")
    file, _, number = rest.rpartition(":")
    if side not in SIDES or not hardware or not file or not number.isdecimal() or int(number) < 1:
        detail = f"{text!r} is not like snn@loihi2=rails.csv:1000"
        raise ConfigError(Diagnostic("--measured", "form", detail))
    return read_measurement(Path(file), side, hardware, int(number))


def read_measurement(path: Path, side: str, hardware: str, inferences: int) -> Measurement:
    """The rails of a file, per inference; DataError with the row that is wrong."""
    columns = _columns(path)
    time = columns.pop("time_s")
    idle_w, idle = columns.pop("idle_w", None), columns.pop("idle", None)
    if not columns:
        raise _problem(path, "no rail: a column named watts or ending in _w")
    if "watts" in columns and len(columns) > 1:
        raise _problem(path, "watts beside other rails: what it sums would be counted twice")
    if idle is not None and (idle_w is not None or not np.isin(idle, (0, 1)).all()):
        raise _problem(path, "idle is 0 or 1 on every row, and has no idle_w beside it")
    power = np.sum(list(columns.values()), axis=0)
    active = np.ones(len(time), dtype=bool) if idle is None else idle == 0
    seconds, joules = _integral(path, time, power, active)
    quiet = _idle_power(power, active, idle_w)
    dynamic = None if quiet is None else joules / seconds - quiet
    return Measurement(
        file=path.name,
        side=side,
        hardware=hardware,
        rails=tuple(columns),
        seconds=seconds,
        inferences=inferences,
        active_w=joules / seconds,
        idle_w=quiet,
        dynamic_w=dynamic,
        energy_j=joules / inferences,
        dynamic_j=None if dynamic is None else dynamic * seconds / inferences,
        flags=tuple(_flags(power, quiet, dynamic)),
    )


def _columns(path: Path) -> dict[str, Array]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _problem(path, str(error)) from error
    names = [name.strip() for name in rows[0]] if rows else []
    known = {"time_s", "watts", "idle", "idle_w"}
    wrong = [name for name in names if name not in known and not name.endswith("_w")]
    if "time_s" not in names or wrong or len(set(names)) < len(names):
        found = ", ".join(names) or "nothing"
        raise _problem(path, f"columns {found}: expected time_s, rails *_w or watts, idle")
    values = np.empty((len(rows) - 1, len(names)))
    for number, row in enumerate(rows[1:]):
        if len(row) != len(names):
            raise _problem(path, f"row {number + 2}: {len(row)} of {len(names)} columns")
        try:
            values[number] = [float(cell) for cell in row]
        except ValueError as error:
            raise _problem(path, f"row {number + 2}: {error}") from error
    if len(values) < 2 or not np.isfinite(values).all():
        raise _problem(path, "needs two rows or more of finite numbers")
    return dict(zip(names, values.T, strict=True))


def _integral(path: Path, time: Array, power: Array, active: Array) -> tuple[float, float]:
    """Seconds and joules between neighbouring rows that are both active."""
    steps = np.diff(time)
    if (steps <= 0).any():
        raise _problem(path, "time_s does not rise from row to row")
    inside = active[1:] & active[:-1]
    seconds = float(steps[inside].sum())
    if not seconds:
        raise _problem(path, "no two active rows follow one another")
    means = (power[1:] + power[:-1]) / 2
    return seconds, float((means * steps)[inside].sum())


def _idle_power(power: Array, active: Array, idle_w: Array | None) -> float | None:
    if idle_w is not None:
        return float(idle_w.mean())
    return None if active.all() else float(power[~active].mean())


def _flags(power: Array, quiet: float | None, dynamic: float | None) -> list[str]:
    flags = []
    if dynamic is None:
        flags.append("no idle samples: dynamic power unknown")
    elif dynamic < 0:
        flags.append("negative dynamic power: within the meter's error, or idle was not idle")
    if (power < 0).any():
        flags.append("negative power on some rows")
    if quiet is not None and quiet < 0:
        flags.append("negative idle power: dynamic power is more than the total")
    return flags


def _problem(path: Path, detail: str) -> DataError:
    return DataError(Diagnostic(path.name, "rails", detail))
