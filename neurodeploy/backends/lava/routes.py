"""Which of Lava's two roads a Program can take, and what has to be installed for it."""

from __future__ import annotations

import importlib.metadata
from typing import Literal

from neurodeploy.backends.lava.netx import netx_problems
from neurodeploy.backends.lava.session import INSTALL
from neurodeploy.errors import BackendUnavailable, ConfigError, Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.program import Program

Route = Literal["auto", "processes", "netx"]
LAVA_NEEDS = ("lava-nc", "asteval", "networkx", "scikit-learn", "scipy")
MAX_DELAY = 64  # Lava's 0..63 plus the step that every synapse takes
NETX_NEEDS = ("lava-dl", "torch", "h5py", "matplotlib")


def available() -> None:
    """Raises BackendUnavailable naming the distributions that are missing."""
    absent = missing(LAVA_NEEDS)
    if absent:
        detail = f"not installed: {', '.join(absent)}"
        raise BackendUnavailable(Diagnostic("backend lava", "lava-missing", detail, INSTALL))


def check_program(program: Program) -> None:
    """Raises ConfigError for a Program that no road of Lava's takes."""
    problems = []
    if program.arithmetic != "fixed":
        detail = "Lava runs fixed arithmetic, this Program is real"
        hint = "compile it for a chip such as loihi2 first"
        problems.append(Diagnostic(program.name, "fixed", detail, hint))
    for synapse in program.synapses:
        where = f"synapse {synapse.name}"
        if not 1 <= synapse.delay <= MAX_DELAY:
            detail = f"{synapse.delay} is outside 1..{MAX_DELAY}"
            problems.append(Diagnostic(where, "delay", detail, "retime the Program"))
        values = synapse.weight_values
        if values.min(initial=0) < -255 and (values % 2).any():
            detail = "-256 is a mixed-sign weight, and those are even"
            problems.append(Diagnostic(where, "lava-weights", detail, "quantize to -255..0"))
    if problems:
        raise ConfigError(problems)


def choose(program: Program, route: Route) -> str:
    """ "processes" or "netx"; raises with every reason why a route asked for by name cannot be."""
    if route not in ("auto", "processes", "netx"):
        detail = f"{route!r} is not one of auto, processes, netx"
        raise ConfigError(Diagnostic("route", "choice", detail))
    if route == "processes":
        return route
    problems = netx_problems(program)
    absent = missing(NETX_NEEDS)
    if route == "auto":
        return "processes" if problems or absent else "netx"
    if absent:
        detail = f"not installed: {', '.join(absent)}"
        raise BackendUnavailable(Diagnostic("lava netx", "netx-missing", detail, INSTALL))
    if problems:
        raise UnsupportedPrimitive(problems)
    return "netx"


def missing(distributions: tuple[str, ...]) -> list[str]:
    """Those that are not installed here; imports none of them."""
    found = []
    for name in distributions:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.append(name)
    return found
