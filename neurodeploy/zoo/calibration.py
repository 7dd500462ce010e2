"""The few training recordings beside a shipped classifier that a compiler's scales are set with.

    python -m neurodeploy.zoo.calibration digits FSDD exports

writes exports/digits_calibration.npz: `input` (T, B, N) spikes and `labels` (B,), with the credits
of the recordings in digits_calibration.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurodeploy.errors import errors_as_lines
from neurodeploy.whole_files import write_text, write_whole
from neurodeploy.zoo.data.braille import encode_braille, read_braille
from neurodeploy.zoo.data.digits import encode_digits, read_digits
from neurodeploy.zoo.data.sequences import Levels, Split
from neurodeploy.zoo.level_crossings import Spikes

RECORDINGS = 50


class DataSet(NamedTuple):
    """How a classifier's data are read and turned into spikes, and whom to credit."""

    read: Callable[[Path], Split]
    encode: Callable[[Levels], Spikes]
    credits: str


DATA_SETS = {
    "digits": DataSet(
        read_digits,
        encode_digits,
        "Events of recordings of the Free Spoken Digit Dataset (Z. Jackson et al.), CC BY-SA 4.0; "
        "this file is under the same licence. It holds no audio.",
    ),
    "braille": DataSet(
        read_braille,
        encode_braille,
        "Events of recordings by S. F. Müller-Cleve et al. (Braille letter reading, Frontiers in "
        "Neuroscience 16, 2022), CC BY 4.0.",
    ),
}


def write_calibration(name: str, data: Path, out: Path) -> None:
    """Every so-manieth training recording, RECORDINGS in all; raises what the reader raises."""
    source = DATA_SETS[name]
    train = source.read(data).train
    count = len(train.labels)
    piece = train.pick(np.arange(RECORDINGS) * count // RECORDINGS)
    spikes = source.encode(piece.levels)
    write_whole(
        out / f"{name}_calibration.npz",
        lambda file: np.savez_compressed(file, input=spikes, labels=piece.labels),
    )
    write_text(out / f"{name}_calibration.md", source.credits + "\n")


def main() -> None:
    """Command line: NAME DATA OUT."""
    parser = argparse.ArgumentParser(description="Write a classifier's calibration recordings.")
    parser.add_argument("name", choices=DATA_SETS)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    write_calibration(args.name, args.data, args.out)


if __name__ == "__main__":
    with errors_as_lines():
        main()
