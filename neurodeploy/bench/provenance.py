"""The machine record beside a result: when, with which command, on what, with which versions."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Final

from neurodeploy.bench.results import Provenance

_PACKAGES: Final = (
    "neurodeploy",
    "numpy",
    "scipy",
    "nir",
    "torch",
    "snntorch",
    "norse",
    "lava-nc",
    "lava-dl",
)


def provenance(command: str = "") -> Provenance:
    """The present time (UTC), machine and versions of the installed packages that matter."""
    return Provenance(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=command,
        machine=_machine(),
        versions={name: version for name in _PACKAGES if (version := _version(name))},
    )


def _machine() -> dict[str, str]:
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count() or "unknown"),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
