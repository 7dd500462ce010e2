"""Layers of netx files as nested dictionaries, and the file of a list of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

Tree = dict[str, Any]
CUBA = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1}
READ_OUT = {**CUBA, "vThMant": (1 << 18) - 1}  # as slayer's Affine writes it
SDNN = {"type": "SDNN", "activation": "relu", "vThMant": 6}
EVEN = np.array([[202, -4, 6], [-8, 10, 0]])
SQUARE = np.array([[202, -4, 6], [-8, 10, 0], [30, -100, 2]])
KERNEL = np.arange(-20, 16).reshape(2, 2, 3, 3) * 2
GEOMETRY = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1}
LINE: Tree = {"type": "input", "shape": [3]}
IMAGE: Tree = {"type": "input", "shape": [2, 4, 5]}
SDNN_INPUT: Tree = {**LINE, "neuron": SDNN}
FLATTEN: Tree = {"type": "flatten"}


def dense(neuron: Tree | None = CUBA, **changes: Any) -> Tree:
    group = {"type": "dense", "shape": [2, 1, 1], "weight": EVEN, "neuron": neuron, **changes}
    return {key: value for key, value in group.items() if value is not None}


def recurrent(neuron: Tree = CUBA, weight: Any = EVEN, **changes: Any) -> Tree:
    targets = len(weight)
    back = np.array([[-100, 42, 2], [60, 0, -2], [8, 6, 4]])[:targets, :targets]
    group = {"type": "dense_rec", "weight": weight, "weight_rec": back, "shape": [targets, 1, 1]}
    return dense(neuron, **{**group, **changes})


def conv(neuron: Tree = CUBA, **changes: Any) -> Tree:
    group = {"type": "conv", "shape": [2, 2, 3], "weight": KERNEL[..., None], "neuron": neuron}
    return {**group, **GEOMETRY, **changes}


def pool(**changes: Any) -> Tree:
    group = {"type": "pool", "shape": [2, 2, 2], "kernelSize": [2, 2], "stride": [2, 2]}
    geometry = {"padding": [0, 0], "dilation": [1, 1]}
    return {**group, **geometry, "weight": np.full((1, 1, 2, 2), 64), "neuron": CUBA, **changes}


def write(path: Path, layers: list[Tree], **more: Any) -> Path:
    """The layers as a netx file; `more` are datasets of the root group."""
    with h5py.File(path, "w") as file:
        _fill(file, {"layer": {str(i): layer for i, layer in enumerate(layers)}, **more})
    return path


def _fill(group: h5py.Group, tree: Tree) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _fill(group.create_group(key), value)
        elif isinstance(value, str):  # slayer: a layer's type is an array, a neuron's a scalar
            group[key] = value if "/" in group.name[7:] else np.array([value.encode()])
        else:
            group[key] = value
