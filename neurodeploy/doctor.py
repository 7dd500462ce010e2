"""What of the tools around NeuroDeploy is here, what each is for, and how to get it.

Versions come from package metadata: nothing heavy is imported to list them.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodeploy.backends import lava, loihi2, reference
from neurodeploy.errors import BackendUnavailable, ConfigError, Diagnostic, VerificationError
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.whole_files import file_problem

LAVA = ("lava-nc==0.10.0", "lava-dl==0.6.0")
# what Lava imports, without the pins and build tools that its wheels declare
LAVA_NEEDS = ("asteval", "h5py", "matplotlib", "networkx", "scikit-learn", "scipy")
INSTALLABLE = ("lava",)
INSTALL_LAVA = "neurodeploy doctor --install lava"
INSTALL_TRAINING = "pip install neurodeploy[training]"


@dataclass(frozen=True)
class Part:
    """One tool. `needed`: NeuroDeploy's core does not run without it."""

    name: str
    version: str
    purpose: str
    install: str
    needed: bool = False

    @property
    def found(self) -> bool:
        return bool(self.version)


# distribution, purpose, install command, whether the core needs it
_DISTRIBUTIONS = (
    ("numpy", "arrays, reference", "pip install numpy", True),
    ("nir", "graph files", "pip install nir", True),
    ("torch", "training, tracing", INSTALL_TRAINING, False),
    ("snntorch", "export to NIR", INSTALL_TRAINING, False),
    ("norse", "cross-checks", "pip install --no-deps norse", False),
    ("lava-nc", "Lava simulation", INSTALL_LAVA, False),
    ("lava-dl", "netx, needs torch", INSTALL_LAVA, False),
)


def parts() -> tuple[Part, ...]:
    """Every tool with its version, empty where it is not found."""
    python = Part("Python", _python_version(), "3.10 to 3.13", "pyenv install 3.11", needed=True)
    found = tuple(
        Part(name, _version(name), purpose, install, needed)
        for name, purpose, install, needed in _DISTRIBUTIONS
    )
    extension = Part(
        "Loihi extension",
        _version("lava-loihi") or ("yes" if loihi2.extension_found() else ""),
        "Loihi 2 boards",
        "pip install lava-loihi-*.tar.gz (from Intel's INRC)",
    )
    gpu = Part("GPU", _gpu(), "faster training", "your NVIDIA card's driver")
    return (python, *found, extension, gpu)


def _silent(line: str) -> None:
    """The default progress: nothing."""


def install(
    name: str, constraints: Path | None = None, progress: Callable[[str], None] = _silent
) -> str:
    """Installs `name` ("lava") into the running environment and proves that it works.

    Returns one line that says what ran. Raises ConfigError for an unknown name or constraints file,
    BackendUnavailable where pip fails or Lava does not run, VerificationError if its integers are
    wrong.
    """
    if name not in INSTALLABLE:
        detail = f"{name!r} is not one of {', '.join(INSTALLABLE)}"
        raise ConfigError(Diagnostic("--install", "choice", detail))
    if constraints is not None and (problem := file_problem(constraints)) is not None:
        raise ConfigError(Diagnostic(str(constraints), "file", problem))
    progress(f"installing {', '.join((*LAVA_NEEDS, *LAVA))} into {sys.prefix}")
    limits = ["--constraint", str(constraints)] if constraints else []
    _pip([*limits, *LAVA_NEEDS])
    _pip(["--no-deps", "--ignore-requires-python", *LAVA])
    progress("running Lava")
    return check_lava()


def check_lava() -> str:
    """Runs three neurons on Lava and compares every integer with the reference."""
    program, inputs = _three_neurons()
    expected = reference.run(program, inputs, probe="all")
    trace = lava.run(program, inputs, probe="all", route="processes")
    wrong = [k for k, v in expected.states.items() if not np.array_equal(v, trace.states[k])]
    if wrong:
        detail = f"differs from the reference in {', '.join(wrong)}"
        raise VerificationError(Diagnostic("lava", "integers", detail))
    return f"Lava ran {trace.steps} steps of {program.neurons[0].size} neurons, integers equal"


def _three_neurons() -> tuple[Program, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    params = {"du": 1023, "dv": 512, "vth": 100, "bias": 3, "bias_exp": 6, "v_init": 0}
    weights = np.array([[60, -20], [-30, 110], [90, 40]])
    program = Program(
        name="doctor",
        arithmetic="fixed",
        dt=1e-3,
        inputs=(Port("in", (2,)),),
        neurons=(Neuron("lif", (3,), "cuba_lif", params),),
        synapses=(Synapse("dense", "in", "lif", "dense", weights, delay=1),),
        outputs=("lif",),
    )
    return program, np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 1]] * 2, dtype=np.int64)


def _pip(arguments: Sequence[str]) -> None:
    """`pip install` with its output on stderr."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", *arguments]
    done = subprocess.run(
        [*command, "--disable-pip-version-check"], stderr=subprocess.PIPE, text=True, check=False
    )
    sys.stderr.write(done.stderr)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.startswith("ERROR")]
        detail = lines[-1] if lines else f"exit status {done.returncode}"
        hint = "by hand: " + " ".join(["pip install", *arguments])
        raise BackendUnavailable(Diagnostic("pip install", "pip", detail, hint))


def _python_version() -> str:
    return platform.python_version() if (3, 10) <= sys.version_info[:2] <= (3, 13) else ""


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _gpu() -> str:
    """Name of the first NVIDIA card that the driver reports."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout else ""
