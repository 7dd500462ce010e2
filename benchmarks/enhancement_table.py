"""The tables of docs/enhancement.md, made of what `neurodeploy.bench.enhancement` measured.

python -m benchmarks.enhancement_table
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.documents import between, table
from neurodeploy.report.text import NOTHING, si

RESULT = Path(__file__).parent / "results" / "enhancement.json"
SUSTAINED = RESULT.with_name("enhancement_sustained.json")
STREAMING = RESULT.with_name("streaming.json")
DOCUMENT = Path(__file__).parents[1] / "docs" / "enhancement.md"
Row = dict[str, Any]

SYSTEMS = {
    "noisy": "noisy, as it is",
    "spectral_subtraction": "spectral subtraction (pyroomacoustics)",
    "iterative_wiener": "iterative Wiener filter (pyroomacoustics)",
    "rnnoise": "RNNoise (pyrnnoise)",
    "sdnn_baseline (first stage)": "`sdnn_baseline`, first stage",
    "s4_ann (first stage)": "`s4_ann`, first stage",
    "spiking_s4 (first stage)": "`spiking_s4`, first stage",
    "spiking_s4_loihi (first stage)": "`spiking_s4_loihi`, float, first stage",
    "sdnn_baseline": "`sdnn_baseline`",
    "s4_ann": "`s4_ann`",
    "spiking_s4": "`spiking_s4`",
    "spiking_s4_loihi": "`spiking_s4_loihi`, float",
    "spiking_s4_loihi (fixed)": "`spiking_s4_loihi`, integers, rounded",
    "spiking_s4_loihi_tuned (fixed)": "`spiking_s4_loihi`, integers, tuned",
}
NAMES = {
    "cpu": "`cpu` backend, integers",
    "torch": "the same network in torch",
    "rnnoise": "RNNoise, resampling included",
}
METRICS = {
    "si_snr": ("SI-SNR, dB", 2),
    "si_snr_gain": ("gain, dB", 2),
    "si_sdr": ("SI-SDR, dB", 2),
    "pesq_wb": ("PESQ-WB", 2),
    "stoi": ("STOI", 3),
    "sig": ("SIG", 2),
    "bak": ("BAK", 2),
    "ovrl": ("OVRL", 2),
}
COSTS = ("operations/s", "neuron updates/s", "power proxy", "PDP proxy", "latency", "Loihi 2 cores")


def renew() -> None:
    """Raises FileNotFoundError without results."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, new in tables(results()).items():
        text = between(text, name, new)
    DOCUMENT.write_text(text, encoding="utf-8")


def results(path: Path = RESULT) -> Row:
    """What was measured on a set, by default the test set."""
    found: Row = json.loads(path.read_text(encoding="utf-8"))
    return found


def tables(found: Row) -> dict[str, str]:
    """Markdown by the name of its marks; of the stream only where it was measured."""
    rows, sustained = _rows(found), results(SUSTAINED)
    streaming = json.loads(STREAMING.read_text(encoding="utf-8")) if STREAMING.is_file() else None
    return {
        **({} if streaming is None else {"streaming": _streaming(streaming)}),
        "quality": _quality(rows) + _errors(found, rows),
        "sustained": _quality(_rows(sustained)) + _errors(sustained, _rows(sustained)),
        "ratios": _ratios(rows),
        "costs": _costs(_last_stages(rows)),
        "energy": _energy(_last_stages(rows)),
    }


def _rows(found: Row) -> Row:
    return {name: found["systems"][name] for name in SYSTEMS if name in found["systems"]}


def _last_stages(rows: Row) -> Row:
    """What a network costs is told once."""
    first = " (first stage)"
    return {
        name: row
        for name, row in rows.items()
        if name.removesuffix(first) == name or name.removesuffix(first) not in rows
    }


def _streaming(found: Row) -> str:
    machine, records = found["run"]["machine"], found["measurements"]
    lines = [
        [
            NAMES[r["system"]],
            si(r["piece_s"], "s"),
            f"{r['real_time_factor']:.3f} ({r['best']:.3f})",
            f"{r['ratio']:.2g}",
            *(si(r[key], "s") if key in r else NOTHING for key in ("median_s", "p99_s")),
        ]
        for r in records
    ]
    head = ["stream", "pieces", "real-time factor (best)", "of the integers'"]
    about = f"{machine['processor']}, one core; load average {max(found['load']):.1f}."
    return table([*head, "a piece, median", "99 %"], lines) + f"\n{about}\n"


def _quality(rows: Row) -> str:
    lines = [
        [
            SYSTEMS[name],
            *(f"{row['quality'][m]['mean']:.{n}f}" for m, (_, n) in METRICS.items()),
        ]
        for name, row in rows.items()
    ]
    return table(["system", *(title for title, _ in METRICS.values())], lines)


def _errors(found: Row, rows: Row) -> str:
    worst = (
        f"{title.removesuffix(', dB')} {max(r['quality'][m]['error'] for r in rows.values()):.{n}f}"
        for m, (title, n) in METRICS.items()
    )
    mixtures = found["mixtures"]
    return f"\nMeans of {mixtures} mixtures; their standard errors at most: {', '.join(worst)}.\n"


def _ratios(rows: Row) -> str:
    ratios = sorted({r for row in rows.values() for r in row.get("by_snr_db", {})}, key=int)
    lines = [
        [
            SYSTEMS[name],
            *(
                f"{part['si_snr_gain']['mean']:.2f}; {part['pesq_wb']['mean']:.2f}"
                for part in (row["by_snr_db"][r] for r in ratios)
            ),
        ]
        for name, row in rows.items()
        if "by_snr_db" in row
    ]
    return table(["gain in SI-SNR, dB; PESQ-WB", *(f"{r} dB" for r in ratios)], lines)


def _costs(rows: Row) -> str:
    lines = []
    for name, row in rows.items():
        cost = row.get("costs", {})
        if "power_proxy" in cost:
            lines.append([SYSTEMS[name], _parameters(name, rows), *_cost_cells(cost)])
    return table(["network", "parameters", *COSTS], lines)


def _parameters(name: str, rows: Row) -> str:
    """Of the network in torch that a row's integers come from."""
    trained = rows.get(name.removesuffix(" (fixed)").removesuffix("_tuned"), {})
    count = trained.get("costs", {}).get("parameters")
    return NOTHING if count is None else f"{count:,}"


def _cost_cells(cost: Row) -> list[str]:
    frames = cost["power_proxy"] / (
        cost["synaptic_operations_per_frame"] + 10 * cost["neuron_updates_per_frame"]
    )
    cores = cost.get("cores", {}).get("loihi2")
    return [
        si(cost["synaptic_operations_per_frame"] * frames, "", 3),
        si(cost["neuron_updates_per_frame"] * frames, "", 3),
        si(cost["power_proxy"], "op/s", 3),
        si(cost["pdp_proxy"], "op", 3),
        f"{1000 * cost['latency_s']:.0f} ms",
        NOTHING if cores is None else str(cores),
    ]


def _priced(rows: Row) -> dict[str, Row]:
    """The networks with energies; of integers the rounded ones alone."""
    found = {name: row["costs"] for name, row in rows.items() if row.get("costs", {}).get("energy")}
    if "spiking_s4_loihi (fixed)" in found:
        found.pop("spiking_s4_loihi_tuned (fixed)", None)
    return found


def _energy(rows: Row) -> str:
    networks = _priced(rows)
    places: dict[tuple[str, str, str], list[Row]] = {}
    for cost in networks.values():
        for e in cost["energy"]:
            if e["energy_j"] is not None:
                places.setdefault((e["hardware"], e["precision"], e["model"]), []).append(e)
    missing = list(dict.fromkeys(_without(found) for found in places.values()))
    sources = list(
        dict.fromkeys(s for found in places.values() for e in found for s in e["sources"])
    )
    lines = [
        [
            f"`{place[0]}`",
            ", ".join(place[1:]),
            *(_joules(cost, place) for cost in networks.values()),
            found[0]["evidence"],
            f"[{missing.index(_without(found)) + 1}]",
            ", ".join(f"{sources.index(s) + 1}" for s in found[0]["sources"]),
        ]
        for place, found in sorted(places.items())
    ]
    head = ["hardware", "precision, model", *(SYSTEMS[n] for n in networks)]
    made = table([*head, "evidence", "without", "source"], lines)
    return made + _notes(missing, sources, _unpriced(networks))


def _joules(cost: Row, place: tuple[str, str, str]) -> str:
    """Of a dense network also without products with zeros; ⁺: the chip has no room for it."""
    here = [e for e in cost["energy"] if (e["hardware"], e["precision"], e["model"]) == place]
    if not here:
        return NOTHING
    text = si(here[0]["energy_j"], "J")
    if len(here) > 1:
        text += f" ({si(here[1]['energy_j'], 'J')})"
    no_room = place[0] in cost.get("cores", {}) and cost["cores"][place[0]] is None
    return text + "⁺" * no_room


def _without(found: list[Row]) -> str:
    return "; ".join(dict.fromkeys(text for e in found for text in e["missing"]))


def _unpriced(networks: dict[str, Row]) -> list[str]:
    every = [e for cost in networks.values() for e in cost["energy"]]
    priced = {e["hardware"] for e in every if e["energy_j"] is not None}
    return sorted({e["hardware"] for e in every} - priced)


def _notes(missing: list[str], sources: list[str], unpriced: list[str]) -> str:
    lines = [f"[{n}] without {text}" for n, text in enumerate(missing, 1)]
    lines += ["", *(f"{n}. {text}" for n, text in enumerate(sources, 1))]
    if unpriced:
        lines += ["", f"No price is published for: {', '.join(f'`{n}`' for n in unpriced)}."]
    return "\n" + "  \n".join(lines).replace("  \n  \n", "\n\n") + "\n"


if __name__ == "__main__":
    renew()
