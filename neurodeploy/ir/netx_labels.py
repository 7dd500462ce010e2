"""What a netx file of ours says beside lava-dl's format: names, dt, shapes, scales, latencies, the
input's encoding, and how a synapse stores its weights.

The format has no place for them. They are JSON in a dataset of the root group, which lava-dl does
not look at. Nothing in them changes what a network computes from its integers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.program import Kind

KEY = "neurodeploy"
VERSION = 1
LARGEST_EXP = 8


@dataclass(frozen=True)
class PortLabel:
    name: str
    shape: tuple[int, ...]
    num_message_bits: int
    scale: float
    signed: bool


@dataclass(frozen=True)
class SynapseLabel:
    """The integers of the file are weights << weight_exp."""

    name: str
    kind: Kind
    weight_exp: int
    num_weight_bits: int


@dataclass(frozen=True)
class LayerLabel:
    """Of one population, with its synapses in the order in which they are read; bias_exp is 0 for a
    model without one."""

    name: str
    shape: tuple[int, ...]
    scale: float
    latency: int
    bias_exp: int
    synapses: tuple[SynapseLabel, ...]


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
        return Labels(
            name=str(data["name"]),
            dt=float(data["dt"]),
            port=_port(data["port"]),
            layers=tuple(_layer(layer) for layer in data["layers"]),
            meta={str(key): str(value) for key, value in data["meta"].items()},
            notes=tuple(str(note) for note in data["notes"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        detail = f"is not what write_netx puts there: {type(error).__name__} {error}"
        raise damaged(where, detail) from error


def _port(data: Any) -> PortLabel:
    bits = int(data["num_message_bits"])
    if not 0 <= bits <= 32:
        raise ValueError(f"{bits} message bits")
    name, scale = str(data["name"]), float(data["scale"])
    return PortLabel(name, _shape(data["shape"]), bits, scale, bool(data["signed"]))


def _layer(data: Any) -> LayerLabel:
    return LayerLabel(
        name=str(data["name"]),
        shape=_shape(data["shape"]),
        scale=float(data["scale"]),
        latency=int(data["latency"]),
        bias_exp=_exponent(data, "bias_exp"),
        synapses=tuple(_synapse(synapse) for synapse in data["synapses"]),
    )


def _synapse(data: Any) -> SynapseLabel:
    kind, exponent = data["kind"], _exponent(data, "weight_exp")
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r}")
    return SynapseLabel(str(data["name"]), kind, exponent, int(data["num_weight_bits"]))


def _exponent(data: Any, key: str) -> int:
    exponent = int(data[key])
    if abs(exponent) > LARGEST_EXP:
        raise ValueError(f"{key} {exponent}")
    return exponent


def _shape(sizes: Any) -> tuple[int, ...]:
    shape = tuple(int(size) for size in sizes)
    if any(size < 1 for size in shape):
        raise ValueError(f"shape {shape}")
    return shape


def damaged(where: str, detail: str) -> DataError:
    hint = f"delete the dataset {KEY!r}: the network does not need it"
    return DataError(Diagnostic(f"{where}, {KEY}", "netx-labels", detail, hint))
