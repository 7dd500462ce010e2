"""Rewrites what docs/benchmarks.md and docs/benchmarks.svg show of the results.

python -m benchmarks.documents
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neurodeploy.report import svg
from neurodeploy.report.text import si, significant

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
Record = dict[str, Any]
STYLE = (
    "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.c0{stroke:#0072b2;fill:#0072b2}"
    ".c1{stroke:#d55e00;fill:#d55e00}.c2{stroke:#009e73;fill:#009e73}.c3{stroke:#cc79a7;fill:#cc79a7}"
    "path{fill:none!important;stroke-width:2}text.c0,text.c1,text.c2,text.c3{stroke:none}</style>"
)


def renew() -> None:
    """Raises FileNotFoundError where a result is missing."""
    found, runs, sets = results()
    path = DOCS / "benchmarks.md"
    text = path.read_text(encoding="utf-8")
    for name, new in tables(found, runs, sets).items():
        text = between(text, name, new)
    path.write_text(text, encoding="utf-8")
    (DOCS / "benchmarks.svg").write_text(plot(found["measurements"]), encoding="utf-8")


def results() -> tuple[Record, list[Record], list[Record]]:
    """What `simulators`, `soak` and `test_sets` have written."""
    names = ("simulators.json", "soak.json", "test_sets.json")
    found, runs, sets = (json.loads((RESULTS / n).read_text(encoding="utf-8")) for n in names)
    return found, runs, sets["sets"]


def between(text: str, name: str, new: str) -> str:
    """The text with `new` between the marks of `name`. Raises ValueError without such marks."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
    if not marks.search(text):
        raise ValueError(f"no marks of {name}")
    return marks.sub(lambda m: m[1] + new + m[2], text)


def tables(found: Record, runs: list[Record], sets: list[Record]) -> dict[str, str]:
    """Markdown by the name of its marks, of what the three benchmarks have found."""
    measured = _in_order(found["measurements"])
    return {
        "machine": _machine(found),
        "one": _ratios([r for r in measured if r["batch"] == 1], found["simulators"]),
        "many": _ratios([r for r in measured if r["batch"] > 1], found["simulators"]),
        "ours": _ours(measured, found["roofline"]),
        "soak": _soak(runs),
        "sets": _sets(sets),
    }


def _in_order(records: list[Record]) -> list[Record]:
    """By network as they were measured, then by batch and activity, the recorded input first."""
    networks = list(dict.fromkeys(r["network"] for r in records))
    return sorted(
        records, key=lambda r: (networks.index(r["network"]), r["batch"], r["activity"] or 0.0)
    )


def _machine(found: Record) -> str:
    machine, roofline = found["run"]["machine"], found["roofline"]
    loads = [r["load"] for r in found["measurements"]]
    versions = (
        f"{name} {about['version']}" if "version" in about else f"{name}: not installed"
        for name, about in found["simulators"].items()
        if not name.startswith("cpu")
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python "
        f"{machine['python']}; {', '.join(versions)}. Load average while measuring: "
        f"{min(loads):.0f} to {max(loads):.0f}.\n\n"
        f"One core adds {si(roofline['accumulate_hz'], 'int8 weights/s')} into int32 sums "
        f"({si(roofline['accumulate_int16_hz'], 'weights/s')} through int16 partial sums) and "
        f"reads {si(roofline['bandwidth_bytes_hz'], 'B/s')} from memory.\n"
    )


def _case(record: Record) -> tuple[Any, ...]:
    return (record["network"], record["activity"], record["batch"])


def _activity(record: Record) -> str:
    return "recorded" if record["activity"] is None else f"{record['activity']:.0%}"


def _ratios(records: list[Record], simulators: Record) -> str:
    names = [n for n in simulators if n != "cpu" and any(r["simulator"] == n for r in records)]
    rows = []
    for case in dict.fromkeys(map(_case, records)):
        here = {r["simulator"]: r for r in records if _case(r) == case}
        ours = here["cpu"]
        cells = [_ratio(here.get(name, {})) for name in names]
        rows.append([case[0], _activity(ours), si(ours["step_s"] / case[2], "s"), *cells])
    return table(["network", "activity", "cpu, a sample's step", *names], rows)


def _ratio(record: Record) -> str:
    if "ratio" not in record:
        return "–"
    return f"{significant(record['ratio'], 2)} ({significant(record['cpu_ratio'], 2)})"


def _ours(records: list[Record], roofline: Record) -> str:
    rows = []
    for r in records:
        if r["simulator"] != "cpu":
            continue
        rate = r["synaptic_operations"] / r["step_s"]
        part = f"{rate / roofline['accumulate_hz']:.0%}" if r["batch"] == 1 else ""
        rows.append(
            [
                r["network"], _activity(r), str(r["batch"]), f"{r['messages']:.0f}",
                f"{r['synaptic_operations']:.0f}", si(r["step_s"], "s"), si(rate, "op/s"), part,
                f"{r['memory_bytes'] / 1e6:.0f} MB",
            ]
        )  # fmt: skip
    head = ["network", "activity", "batch", "messages", "synaptic operations", "step", "rate"]
    return table([*head, "of one core", "memory"], rows)


def _soak(runs: list[Record]) -> str:
    rows = []
    for route in dict.fromkeys(run["route"] for run in runs):
        counts = [run["counts"] for run in runs if run["route"] == route]
        how = {"threads": "Lava's models, a thread each", "processes": "Lava with its runtime"}
        models = sorted({key[6:] for c in counts for key in c if key.startswith("model ")})
        keys = ("programs", "steps", "integers", "differing", "beyond Lava's int32")
        rows.append(
            [
                how[route],
                *(f"{sum(c.get(key, 0) for c in counts):,}" for key in keys),
                ", ".join(models),
            ]
        )
    return table(
        [
            "",
            "Programs",
            "steps",
            "integers",
            "differing",
            "refused: beyond int32",
            "neuron models",
        ],
        rows,
    )


def _sets(sets: list[Record]) -> str:
    rows = [
        [
            s["network"], f"{s['samples']} of {s['of']}", str(s["steps"]), f"{s['cpu_s']:.2f} s",
            f"{s['lava_s']:.0f} s", s["route"], f"{s['lava_s'] / s['cpu_s']:.0f}",
            "–" if s["accuracy"] is None else f"{s['accuracy']:.1%}",
        ]
        for s in sets
    ]  # fmt: skip
    head = ["network", "samples", "steps", "cpu", "Lava", "route", "times", "right, both"]
    return table(head, rows)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Markdown; all columns but the first to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def plot(records: list[Record]) -> str:
    """Seconds a step against messages a step, a line per network, batch 1."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for r in records:
        if r["simulator"] == "cpu" and r["batch"] == 1 and r["activity"] is not None:
            lines.setdefault(r["network"], []).append((r["messages"], r["step_s"]))
    points = [point for line in lines.values() for point in line]
    x = svg.log_axis([p[0] for p in points], 70, 600)
    y = svg.log_axis([p[1] for p in points], 330, 20)
    marks = [STYLE]
    for tick in x.ticks():
        marks.append(svg.line(x(tick), 20, x(tick), 330, "grid"))
        marks.append(svg.text(x(tick), 348, f"{tick:g}", anchor="middle"))
    for tick in y.ticks():
        marks.append(svg.line(70, y(tick), 600, y(tick), "grid"))
        marks.append(svg.text(64, y(tick) + 4, si(tick, "s"), anchor="end"))
    for i, (name, line) in enumerate(lines.items()):
        at = [(x(messages), y(seconds)) for messages, seconds in sorted(line)]
        marks.append(svg.polyline(at, f"c{i}"))
        marks += [svg.dot(*point, 3, f"c{i}") for point in at]
        marks.append(svg.text(80, 40 + 18 * i, name, f"c{i}"))
    marks.append(svg.text(335, 370, "messages a step", anchor="middle"))
    return svg.svg(640, 380, "Time of a step against messages, batch 1", marks) + "\n"


if __name__ == "__main__":
    renew()
