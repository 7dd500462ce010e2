"""Tables of systems' quality that grow: RESULTS.json is written after each row, and a run that
finds it measures what is missing or was made of something else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.bench.results_files import read_json
from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio

Row = dict[str, Any]  # made_of; quality: of each metric mean and error


class Measured(Protocol):
    """What a row is of; made_of: package version, or SHA-256 of weights."""

    @property
    def name(self) -> str: ...

    @property
    def made_of(self) -> str: ...


S = TypeVar("S", bound=Measured)


def fill_table(
    out: Path,
    command: str,
    recordings: Sequence[Audio],
    systems: Sequence[S],
    optional: Mapping[str, str],
    leave_out: Sequence[str],
    measure: Callable[[S, Sequence[str]], Row],
) -> dict[str, Row]:
    """The rows of all systems, which `out` keeps; those of others stay in it.

    optional: an option of `leave_out` and a metric that it stands for; a row that lacks one is
    measured for it. `measure` gets what to leave out. DataError for a file that is no such table.
    """
    rows = _known(out)
    for system in systems:
        known = rows.get(system.name, {})
        scores = known["quality"] if known.get("made_of") == system.made_of else {}
        have = [option for option, metric in optional.items() if metric in scores]
        if not scores or not {*optional} <= {*have, *leave_out}:
            row = measure(system, [*leave_out, *have])
            rows[system.name] = row | {"quality": scores | row["quality"]}
            table = {
                "recordings": len(recordings),
                "seconds": round(sum(x.size for x in recordings) / SAMPLE_RATE, 1),
                "provenance": to_json(provenance(command)),
                "systems": rows,
            }
            write_text(out, json.dumps(table, indent=1) + "\n")
        print(_in_a_line(system.name, rows[system.name]), file=sys.stderr, flush=True)
    return rows


def _known(out: Path) -> dict[str, Row]:
    if not out.is_file():
        return {}
    table = read_json(out)
    rows: Any = table.get("systems") if isinstance(table, dict) else None
    if not isinstance(rows, dict) or not all(_is_row(row) for row in rows.values()):
        raise DataError(Diagnostic(str(out), "results-file", "holds no table of systems"))
    return dict(rows)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and "made_of" in row and isinstance(row.get("quality"), dict)


def _in_a_line(name: str, row: Row) -> str:
    """The means, for whoever waits."""
    means = (f"{k} {v['mean']:.3f}" for k, v in row["quality"].items())
    rate = f"  {row['payload_kbps']:.2f} kbit/s" if "payload_kbps" in row else ""
    return f"{name:34}{rate}  {'  '.join(means)}"
