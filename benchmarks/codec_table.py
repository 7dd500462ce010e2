"""The tables of docs/codec.md, made of what was trained and measured.

python -m benchmarks.codec_table
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.documents import between, table
from neurodeploy.report.text import NOTHING, significant

RESULTS = Path(__file__).parent / "results"
EXPORTS = Path(__file__).parents[1] / "exports"
DOCUMENT = Path(__file__).parents[1] / "docs" / "codec.md"
Row = dict[str, Any]

TRAINED = ("esc_tiny", "esc_tiny_no_pretraining")
RATES = (1, 3, 6)  # streams of which validation tells
SPIKING = {"T = 1": "spiking_esc_t1", "T = 2": "spiking_esc_tiny", "T = 4": "spiking_esc_t4"}
PLACES = {
    "fp32": "cmos45nm, fp32, arithmetic",
    "int8 into int32": "cmos45nm, int8-acc32, arithmetic",
    "int32 with memory": "cmos45nm, int32, memory-aware",
}
BITS = {"payload": "payload_kbps", "with container": "file_kbps", "range coded": "range_coded_kbps"}
METRICS = {
    "pesq_wb": ("PESQ-WB", 2),
    "stoi": ("STOI", 3),
    "visqol": ("ViSQOL", 2),
    "si_sdr": ("SI-SDR dB", 1),
    "mel_distance": ("mel distance", 2),
    "distillmos": ("DistillMOS", 2),
}
TIMED = {
    "esc_tiny": "`esc_tiny`",
    "esc_base": "`esc_base`",
    "esc_base int8": "`esc_base`, 8 bits",
    "esc_large": "`esc_large`",
    "encodec": "EnCodec, 24 kHz",
    "dac": "DAC, 16 kHz, 18 codebooks",
}


def renew() -> None:
    """Raises FileNotFoundError where a result is missing."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, new in tables().items():
        text = between(text, name, new)
    DOCUMENT.write_text(text, encoding="utf-8")


def tables() -> dict[str, str]:
    """Markdown by the name of its marks."""
    return {
        "training": _training(),
        "spikes": _spikes(_result("spiking_coding.json")),
        "quality": _quality(_result("coding.json")["systems"]),
        "time": _time(_result("codecs.json")["rows"]),
    }


def _result(name: str) -> Row:
    found: Row = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return found


def _training() -> str:
    rows = []
    for name in TRAINED:
        run = json.loads((EXPORTS / f"{name}.metrics.json").read_text(encoding="utf-8"))
        last = run["history"][-1]["val"]
        ratios = (
            ", ".join(f"{last[f'{kind}_{n}']:.{digits}f}" for n in RATES)
            for kind, digits in (("mel_distance", 2), ("si_sdr", 1))
        )
        shares = (f"{100 * last[kind]:.1f} %" for kind in ("bits_used", "codes_used"))
        steps = (run["recipe"][kind] for kind in ("steps", "pretraining"))
        rows.append([f"`{name}`", *map(str, steps), *shares, *ratios])
    head = ["", "steps", "without quantization", "bits in use", "codes in use"]
    return table([*head, "mel distance at 1.5, 4.5, 9 kbit/s", "SI-SDR dB at 1.5, 4.5, 9"], rows)


def _spikes(found: Row) -> str:
    rows = [
        [
            label,
            *(significant(found[name]["places"][p]["encoding"]["ratio"]) for p in PLACES.values()),
        ]
        for label, name in SPIKING.items()
        if name in found
    ]
    return table(["encoder, joules over its twin's", *PLACES], rows)


def _quality(systems: Row) -> str:
    rows = []
    for name, row in systems.items():
        bits = (f"{row[key]:.2f}" if key in row else NOTHING for key in BITS.values())
        found = row["quality"]
        scores = (
            f"{found[m]['mean']:.{digits}f}" if m in found else NOTHING
            for m, (_, digits) in METRICS.items()
        )
        rows.append([_title(name), *bits, *scores])
    return table(["system", *BITS, *(title for title, _ in METRICS.values())], rows)


def _title(name: str) -> str:
    """opus 6 -> Opus 6; esc_tiny int8 9 -> `esc_tiny`, int8 9."""
    system, *rest = name.split()
    if "_" not in system:
        return " ".join([system.capitalize(), *rest])
    return f"`{system}`{',' if len(rest) > 1 else ''} {' '.join(rest)}"


def _time(rows: Row) -> str:
    lines = [
        [TIMED[name], f"{r['parameters']:,}", f"{r['encode_s']:.2f}", f"{r['decode_s']:.2f}"]
        for name, r in rows.items()
    ]
    return table(["codec", "parameters", "encode s", "decode s"], lines)


if __name__ == "__main__":
    renew()
