"""A process that holds one simulator: JSON lines in, JSON lines out.

{"prepare": [program.ndp, input.npy], "as": "prepare"}   {"run": 3}   {"read": file}
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import PEERS, Refused, Runner


class Worker:
    def __init__(self, peer: str) -> None:
        self._module = importlib.import_module(f"benchmarks.peers.{peer}")
        self._runner: Runner | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "prepare" in request:
            return self._prepare(*request["prepare"])
        assert self._runner is not None
        if "read" in request:
            np.save(request["read"], self._runner.read())
            return {}
        return self._run(request["run"])

    def _prepare(self, program: str, x: str) -> dict[str, Any]:
        from neurodeploy.ir.files import read_program

        self.close()
        begin = time.perf_counter()
        read = read_program(Path(program), isolated=False)
        try:
            self._runner = self._module.prepare(read, np.load(x))
        except Refused as error:
            return {"refused": str(error)}
        except ImportError as error:
            return {"refused": f"not installed: {error.name}"}
        self._runner.run()
        return {"prepare_s": time.perf_counter() - begin, "latency": self._runner.latency}

    def close(self) -> None:
        if self._runner is not None:
            self._runner.close()
        self._runner = None

    def _run(self, least_seconds: float) -> dict[str, Any]:
        """The median of as many runs as fill the time, at least one."""
        assert self._runner is not None
        seconds: list[float] = []
        used, start = _cpu_seconds(), time.perf_counter()
        while not seconds or time.perf_counter() - start < least_seconds:
            begin = time.perf_counter()
            stated = self._runner.run()
            seconds.append(time.perf_counter() - begin if stated is None else stated)
        return {
            "seconds": statistics.median(seconds),
            "cpu_seconds": (_cpu_seconds() - used) / len(seconds),
            "memory_bytes": sum(_memory(pid) for pid in _tree(os.getpid())),
        }


def _cpu_seconds() -> float:
    """Processor time of this process and all processes below it that are alive."""
    return time.process_time() + sum(_times(pid) for pid in _tree(os.getpid())[1:])


def _times(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    """Proportional share of memory: what is shared counts once over all processes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as replies:
        os.dup2(2, 1)  # what simulators print must not pass for an answer
        try:
            version = importlib.metadata.version(PEERS[sys.argv[1]])
            worker = Worker(sys.argv[1])
        except ImportError as error:  # PackageNotFoundError is one
            print(json.dumps({"missing": str(error)}), file=replies)
            return
        print(json.dumps({"version": version}), file=replies)
        for line in iter(sys.stdin.readline, ""):
            print(json.dumps(worker.answer(json.loads(line))), file=replies)
        worker.close()


if __name__ == "__main__":
    main()
