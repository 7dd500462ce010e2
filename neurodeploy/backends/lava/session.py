"""A worker process that has Lava imported, and the runs it is given.

Lava forks one process per population and synapse, changes the start method of `multiprocessing`,
leaks memory from run to run and blocks forever when one of its processes dies. All of that stays
in the worker; the caller's process, with its threads and its torch, is never forked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import numpy as np

from neurodeploy import errors
from neurodeploy.backends.lava import jobs

Array = np.ndarray[Any, np.dtype[Any]]
INSTALL = "neurodeploy doctor --install lava"
PATIENCE_S = 60.0
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]


class Session:
    """Runs jobs one after the other in one worker; a context manager.

    patience: seconds without a time step after which a run is given up.
    Raises BackendUnavailable where Lava cannot be imported.
    """

    def __init__(self, patience: float = PATIENCE_S) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
        path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "neurodeploy.backends.lava.worker", str(patience)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
            text=True,
        )
        answer = self._answer()
        if not answer["ok"]:
            self.close()
            raise errors.BackendUnavailable(
                errors.Diagnostic("backend lava", "lava-import", _last_line(answer), INSTALL)
            )

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the worker and whatever it still runs."""
        cast(IO[str], self._worker.stdin).close()
        try:
            self._worker.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()
        cast(IO[str], self._worker.stdout).close()
        self._log.close()

    def execute(
        self, job: jobs.Job, folder: Path, inputs: Mapping[int, Array], widths: Mapping[str, int]
    ) -> dict[str, dict[str, Array]]:
        """The recorded states of `job`, int32 `(steps, N)` per population and state.

        folder holds the job's program; inputs: integers `(steps, N)` per port number; widths: N of
        every population, in the Program's order. Raises BackendUnavailable if Lava fails or hangs.
        """
        for index, values in inputs.items():
            np.save(jobs.input_file(folder, index), values.astype(np.int32))
        files = {
            name: {state: jobs.record_file(folder, index, state) for state in job.records[name]}
            for index, name in enumerate(widths)
        }
        for name, states in files.items():
            for path in states.values():
                _empty_file(path, (job.steps, widths[name]), np.int32)
        _empty_file(folder / jobs.PROGRESS, (len(widths),), np.int64)
        job.write(folder)
        print(folder, file=self._worker.stdin, flush=True)
        answer = self._answer()
        if not answer["ok"]:
            raise errors.BackendUnavailable(_failure(answer))
        return {name: {k: np.load(path) for k, path in f.items()} for name, f in files.items()}

    def _answer(self) -> dict[str, Any]:
        line = cast(IO[str], self._worker.stdout).readline()
        if line:
            return cast(dict[str, Any], json.loads(line))
        self._worker.wait()  # its last words are written by then
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").strip()
        return {"ok": False, "hung": False, "detail": text or "the Lava worker died"}


def _empty_file(path: Path, shape: tuple[int, ...], dtype: type[np.signedinteger[Any]]) -> None:
    np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape).flush()


def _failure(answer: Mapping[str, Any]) -> errors.Diagnostic:
    text = str(answer["detail"]).strip()
    if answer.get("hung"):
        return errors.Diagnostic(
            "backend lava", "lava-hangs", text, "give Session a longer patience, or run it again"
        )
    return errors.Diagnostic("backend lava", "lava-failed", _last_line(answer), f"\n{text}")


def _last_line(answer: Mapping[str, Any]) -> str:
    return str(answer["detail"]).strip().splitlines()[-1]
