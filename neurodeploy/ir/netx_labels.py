"""What a netx file of ours says beside lava-dl's format: names, dt, scales, the input's encoding.

The format has no place for them. They are JSON in a dataset of the root group, which lava-dl does
not look at. Nothing in them changes what a network computes from its integers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from neurodeploy.errors import DataError, Diagnostic

KEY = "neurodeploy"
VERSION = 1


@dataclass(frozen=True)
class PortLabel:
    name: str
    num_message_bits: int
    scale: float
    signed: bool


@dataclass(frozen=True)
class LayerLabel:
    """Of one population: its name and scale, and the names of its synapses as they are read."""

    name: str
    scale: float
    synapses: tuple[str, ...]


@dataclass(frozen=True)
class Labels:
    name: str
    dt: float
    port: PortLabel
    layers: tuple[LayerLabel, ...]
    meta: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps({"version": VERSION, **asdict(self)})


def from_json(text: str, where: str) -> Labels:
    """Raises DataError for text that `Labels.to_json` has not written."""
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']}, this release reads {VERSION}")
        port = data["port"]
        bits = int(port["num_message_bits"])
        if not 0 <= bits <= 32:
            raise ValueError(f"{bits} message bits")
        return Labels(
            name=str(data["name"]),
            dt=float(data["dt"]),
            port=PortLabel(str(port["name"]), bits, float(port["scale"]), bool(port["signed"])),
            layers=tuple(_layer(layer) for layer in data["layers"]),
            meta={str(key): str(value) for key, value in data["meta"].items()},
            notes=tuple(str(note) for note in data["notes"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        detail = f"is not what write_netx puts there: {type(error).__name__} {error}"
        raise damaged(where, detail) from error


def _layer(data: Any) -> LayerLabel:
    names = tuple(str(name) for name in data["synapses"])
    return LayerLabel(str(data["name"]), float(data["scale"]), names)


def damaged(where: str, detail: str) -> DataError:
    hint = f"delete the dataset {KEY!r}: the network does not need it"
    return DataError(Diagnostic(f"{where}, {KEY}", "netx-labels", detail, hint))
