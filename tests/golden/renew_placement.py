"""Rewrites the table of docs/placement.md and the example of README.md from the code."""

from __future__ import annotations

import re
from pathlib import Path

from neurodeploy.bench.placement import verdict
from neurodeploy.hardware import load_hardware
from neurodeploy.passes.place import fit
from tests.placement_networks import conv_network, dense_network

ROOT = Path(__file__).parents[2]
DOCUMENT, README = ROOT / "docs" / "placement.md", ROOT / "README.md"
TABLE = re.compile(r"(<!-- sizes -->\n).*?(<!-- /sizes -->)", re.S)
EXAMPLE = re.compile(r"(<!-- fit -->\n```text\n).*?(```\n<!-- /fit -->)", re.S)
NETWORKS = {
    "784-500-10": lambda: dense_network(784, 500, 10),
    "257-512-512-512-257": lambda: dense_network(257, 512, 512, 512, 257),
    "one 3 × 3 convolution, 64 channels, 32 × 32": lambda: conv_network(64, 32),
    "two of them": lambda: conv_network(64, 32, 2),
    "one 3 × 3 convolution, 512 channels, 32 × 32": lambda: conv_network(512, 32),
}


def size_table() -> str:
    """Every network on one chip of Loihi 1 and one of Loihi 2."""
    lines = [
        "| network | chip | fits | cores | most used | what would help |",
        "| --- | --- | --- | ---: | --- | --- |",
    ]
    for name, make in NETWORKS.items():
        for hardware in ("loihi1", "loihi2"):
            found = fit(make(), load_hardware(hardware))
            mapping = found.mapping
            assert mapping is not None
            cells = (
                *(name, hardware, "yes" if found.fits else "no", f"{len(mapping.cores):,}"),
                f"`{mapping.limiting}`, {100 * mapping.load(mapping.limiting):.0f} %",
                "; ".join(found.remedies),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def example() -> str:
    """The convolution of 512 channels on Loihi 1, as the command prints it."""
    chip = load_hardware("loihi1")
    found = fit(conv_network(512, 32), chip)
    lines = [verdict(found, chip)]
    lines += [f"because {r}" for r in found.reasons]
    lines += [f"would fit {r}" for r in found.remedies]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    return TABLE.sub(lambda m: m[1] + size_table() + m[2], text)


def with_example(text: str) -> str:
    return EXAMPLE.sub(lambda m: m[1] + example() + m[2], text)


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    README.write_text(with_example(README.read_text(encoding="utf-8")), encoding="utf-8")
