"""The worker process of a session: `python -m neurodeploy.backends.lava.worker PATIENCE`.

Reads a job folder per line of stdin, answers one line of JSON on stdout. Each job runs in a fork
that leads a process group of its own, so that whatever Lava leaves behind ends with it: Lava
blocks forever when one of its processes dies. The end of stdin, or `PATIENCE` seconds without a
time step, end a job.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import multiprocessing
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from neurodeploy.backends.lava.compat import import_lava, import_slayer
from neurodeploy.backends.lava.jobs import FAILURE, PROGRESS, Job, write_failure

POLL_S = 0.005
PROGRESS_EVERY_S = 0.5
GRACE_S = 2.0
HUNG = -1
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class _Patience:
    """Watches the step counters of a job; `over` after `seconds` in which none of them moved."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._counters = np.load(folder / PROGRESS, mmap_mode="r")
        self._seconds = seconds
        self._steps = -1
        self._moved = self._looked = time.monotonic()

    @property
    def over(self) -> bool:
        now = time.monotonic()
        if now - self._looked < PROGRESS_EVERY_S:
            return False
        self._looked = now
        steps = int(self._counters.sum())
        if steps != self._steps:
            self._steps, self._moved = steps, now
        return now - self._moved > self._seconds

    def __str__(self) -> str:
        done = int(self._counters.min(initial=0))
        return f"no time step in {self._seconds:g} s after step {done}"


def _child(folder: Path) -> None:
    """Runs the job and never returns."""
    status = 1
    try:
        os.setpgid(0, 0)
        tempfile.tempdir = str(folder)  # multiprocessing's folders go with the job's
        from neurodeploy.backends.lava.execute import execute

        execute(folder)
        status = 0
    except BaseException:
        write_failure(folder / FAILURE, traceback.format_exc())
    finally:
        os._exit(status)


def _adopt_orphans() -> None:
    """On Linux, what a job leaves becomes a child of the worker: a container may have no init that
    would reap it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_group(pid: int) -> None:
    """Ends and reaps the job's processes: SIGTERM first, since Python's resource tracker outlives
    it and frees the shared memory, SIGKILL after `GRACE_S`."""
    _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    killed = False
    with contextlib.suppress(ChildProcessError):  # raised once no child is left
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(POLL_S)
            if time.monotonic() > deadline and not killed:
                _signal_group(pid, signal.SIGKILL)
                killed = True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _import_for(route: str) -> None:
    if route == "netx":
        import_slayer()
        importlib.import_module("lava.lib.dl.netx.hdf5")


def _run_job(folder: Path, seconds: float) -> dict[str, object]:
    try:
        _import_for(Job.read(folder).route)  # once in the worker: its forks share it
    except ImportError as error:
        return {"ok": False, "hung": False, "detail": str(error)}
    patience = _Patience(folder, seconds)
    failure = folder / FAILURE
    pid = os.fork()
    if pid == 0:
        _child(folder)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)  # the child does it too: whoever comes first
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        gone = bool(select.select([sys.stdin], [], [], POLL_S)[0])
        if gone or failure.exists() or patience.over:
            status = HUNG
            break
    _end_group(pid)
    if failure.exists():
        return {"ok": False, "hung": False, "detail": failure.read_text(encoding="utf-8")}
    if status == HUNG:
        return {"ok": False, "hung": True, "detail": str(patience)}
    return {"ok": status == 0, "hung": False, "detail": f"exit status {status}"}


def main() -> int:
    """Answers jobs until stdin ends; 3 where Lava cannot be imported."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as replies:
        os.dup2(2, 1)  # whatever Lava prints must not pass for an answer
        try:
            import_lava()
            importlib.import_module("lava.magma.compiler.compiler")  # Lava would in every fork
            import neurodeploy.backends.lava.execute  # noqa: F401  imported once, before the forks
        except ImportError as error:
            print(json.dumps({"ok": False, "detail": str(error)}), file=replies)
            return 3
        multiprocessing.set_start_method("fork", force=True)
        _adopt_orphans()
        print(json.dumps({"ok": True}), file=replies)
        for line in iter(sys.stdin.readline, ""):
            folder = Path(line.rstrip("\n"))
            answer = _run_job(folder, float(sys.argv[1]))
            if _stdin_ended():  # the caller was killed and can no longer clean up
                shutil.rmtree(folder, ignore_errors=True)
                break
            print(json.dumps(answer), file=replies)
    return 0


def _stdin_ended() -> bool:
    """Whether the caller is gone: it never writes before it has read the answer."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    sys.exit(main())
