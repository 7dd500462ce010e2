"""The folder in which a session and its worker exchange a run: `.npy`, JSON and `.ndp` files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

PROGRAM = "program.ndp"
NETX = "network.net"
PROGRESS = "progress.npy"
FAILURE = "failure.txt"
_JOB = "job.json"


@dataclass(frozen=True)
class Job:
    """What a worker is asked to run.

    route: "processes" or "netx"; period: steps of one sample; batch: number of samples, run in a
    row; records: per population the states to record, each into its file of shape `(batch *
    period, N)`.
    """

    route: str
    period: int
    batch: int
    records: dict[str, tuple[str, ...]]

    @property
    def steps(self) -> int:
        return self.period * self.batch

    def write(self, folder: Path) -> None:
        (folder / _JOB).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Job:
        data = json.loads((folder / _JOB).read_text(encoding="utf-8"))
        data["records"] = {name: tuple(states) for name, states in data["records"].items()}
        return cls(**data)


def write_failure(path: Path, text: str) -> None:
    """Writes a traceback whole: the worker looks for the file while processes run."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def input_file(folder: Path, index: int) -> Path:
    """int32 `(steps, N)` of the Program's input port number `index`."""
    return folder / f"input_{index}.npy"


def record_file(folder: Path, index: int, state: str) -> Path:
    """`(steps, N)` of the state of the Program's population number `index`."""
    return folder / f"record_{index}_{state}.npy"
