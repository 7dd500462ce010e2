"""The systems that are measured: baselines of others' packages, and trained networks by file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from neurodeploy.bench.enhancement_scores import Enhance
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.whole_files import file_problem
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.audio.stream import Enhancer, enhance_recording
from neurodeploy.zoo.denoisers import CpuDenoiser, calibration_beside, open_program
from neurodeploy.zoo.models.classical_enhancers import (
    iterative_wiener,
    rnnoise,
    spectral_subtraction,
)

CLASSICAL: dict[str, tuple[Enhance, str]] = {
    "noisy": (lambda audio: audio, ""),
    "spectral_subtraction": (spectral_subtraction, "pyroomacoustics"),
    "iterative_wiener": (iterative_wiener, "pyroomacoustics"),
    "rnnoise": (rnnoise, "pyrnnoise"),
}
"""Each with the package that it is from."""


@dataclass(frozen=True)
class System:
    """One row of the table. made_of: a package with its version, or SHA-256 of the files: a row
    that was measured stays valid as long as it is the same; file: of a network."""

    name: str
    made_of: str
    file: Path | None = None

    def enhancer(self) -> Enhance:
        """What it does to a recording; opens the file."""
        if self.file is None:
            return CLASSICAL[self.name][0]
        return (torch_enhancer if is_torch(self.file) else program_enhancer)(self.file)


def is_torch(network: Path) -> bool:
    """Weights for torch; all else is a Program, or a graph that becomes one."""
    return network.suffix == ".safetensors"


def named_systems(networks: Sequence[Path], first_stages: Sequence[Path] = ()) -> list[System]:
    """The baselines, and trained networks: NAME.safetensors in torch as NAME, the rest as
    "NAME (fixed)", on the chip's integers; weights that a second stage of training began with as
    "NAME (first stage)". ConfigError for files that are no networks, before hours of measuring, and
    for two of one name."""
    if problems := [p for path in (*networks, *first_stages) if (p := _problem(path))]:
        raise ConfigError(problems)
    systems = [System(name, _version(package)) for name, (_, package) in CLASSICAL.items()]
    systems += [System(f"{p.stem} (first stage)", digest_of(p), p) for p in first_stages]
    for path in networks:
        name = path.stem if is_torch(path) else f"{path.stem} (fixed)"
        systems.append(System(name, digest_of(path), path))
    names = [system.name for system in systems]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(Diagnostic("--networks", "names", f"twice: {', '.join(twice)}"))
    return systems


def _problem(network: Path) -> Diagnostic | None:
    if (problem := file_problem(network)) is not None:
        return Diagnostic(str(network), "file", problem)
    if is_torch(network):
        from neurodeploy.zoo.models.enhancers import unknown_enhancer

        return unknown_enhancer(network)
    if network.suffix not in (".nir", ".ndp"):
        return Diagnostic(str(network), "suffix", "networks are .safetensors, .nir or .ndp")
    return None


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}" if package else ""
    except metadata.PackageNotFoundError:
        return package  # its own error comes when it is used


def digest_of(network: Path) -> str:
    """SHA-256 of a network's file, and of the calibration beside a graph."""
    beside = calibration_beside(network)
    files = [network, beside] if network.suffix == ".nir" and beside.is_file() else [network]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def torch_enhancer(weights: Path) -> Enhance:
    """The network of zoo/models/enhancers.py that the file is named after, with its weights."""
    import torch

    from neurodeploy.zoo.models.enhancers import load_enhancer

    model = load_enhancer(weights)

    @torch.no_grad()
    def enhance(audio: Audio) -> Audio:
        out: Audio = model(torch.from_numpy(audio[None])).audio[0].numpy()
        return out

    return enhance


def program_enhancer(network: Path) -> Enhance:
    """The integers behind a .nir or .ndp (`zoo.denoisers.open_program`), a new stream each time."""
    program = open_program(network, "cpu")

    def enhance(audio: Audio) -> Audio:
        return enhance_recording(Enhancer(CpuDenoiser(program)), audio)

    return enhance
