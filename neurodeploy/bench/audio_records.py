"""The results file that puts the zoo's audio systems side by side, all per second of audio."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neurodeploy.bench.energy_records import SecondEnergy
from neurodeploy.bench.results import Provenance
from neurodeploy.bench.results_files import read_document, write_document

AUDIO_SCHEMA: Final = "neurodeploy.audio_systems/1"


@dataclass(frozen=True)
class Score:
    """A mean over a test set; error: its standard error."""

    mean: float
    error: float


@dataclass(frozen=True)
class AudioSystem:
    """A network, or a codec at a rate. twin: the dense network that a spiking one is held against.

    macs_per_s: multiply-accumulates of all connections by part, whatever the values; activity:
    where the values come from that events and energy rest on, "" for none: then both are unknown;
    weights: SHA-256 of the file, "" for a network that is not trained, whose quality is {};
    memory_words_per_s: 32-bit words read and written by the memory-aware model; energy: of all
    hardware that has a price for such work.
    """

    name: str
    task: str
    side: str
    twin: str
    parameters: int
    macs_per_s: dict[str, float]
    activity: str
    weights: str
    synaptic_operations_per_s: float | None
    neuron_updates_per_s: float | None
    memory_words_per_s: float | None
    energy: tuple[SecondEnergy, ...]
    quality: dict[str, Score]

    @property
    def macs(self) -> float:
        """Of all parts."""
        return sum(self.macs_per_s.values())


@dataclass(frozen=True)
class AudioSystems:
    """All of it. `schema` is AUDIO_SCHEMA; readers refuse any other.

    references: by task, the quality of what is no network of ours; tests: what quality was measured
    on, in words, by task; links: of sources.
    """

    title: str
    provenance: Provenance
    systems: tuple[AudioSystem, ...]
    references: dict[str, dict[str, dict[str, Score]]]
    tests: dict[str, str]
    links: dict[str, str]
    schema: str = field(default=AUDIO_SCHEMA)


def write_audio_systems(results: AudioSystems, path: str | Path) -> Path:
    """As a JSON document."""
    return write_document(results, path)


def read_audio_systems(path: str | Path) -> AudioSystems:
    """DataError for a file that is damaged, incomplete or of another schema."""
    command = "python -m neurodeploy.bench.audio_systems"
    return read_document(AudioSystems, AUDIO_SCHEMA, path, command=command)
