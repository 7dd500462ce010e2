"""Trained codecs on disk: safetensors whose header names the network; what files are tied to."""

from __future__ import annotations

import hashlib
import json
import warnings
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.ao.quantization import quantize_dynamic

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import require_file
from neurodeploy.zoo.codec.container import EscFile
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.train.checkpoint import load_weights, save_weights

HASH_BYTES = 8


class Codec:
    """A network with its name and hash."""

    def __init__(self, name: str, network: Esc) -> None:
        self.name, self.network = name, network.eval()
        self.hash = _hash(network)

    def int8(self) -> Codec:
        """The same with matrices in 8 bits, and activations rounded to 8 bits as they come.

        Its codes are others, of the same model: they decode with and without it.
        """
        quantize: Any = quantize_dynamic  # torch leaves it untyped
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch means to move this elsewhere
            smaller = quantize(self.network, {nn.Linear}, dtype=torch.qint8)
        codec = copy(self)
        codec.network = smaller
        return codec

    def require(self, file: EscFile, where: str) -> None:
        """DataError for a file of another model: its codes would decode to something else."""
        header, config = file.header, self.network.config
        if (header.model, header.model_hash) != (self.name, self.hash):
            theirs = f"{header.model} {header.model_hash.hex()}"
            detail = f"was encoded with {theirs}, this is {self.name} {self.hash.hex()}"
            raise DataError(Diagnostic(where, "esc-model", detail, "give --model its weights"))
        shape = (header.groups, header.code_samples, header.streams <= config.streams)
        if shape != (config.groups, config.code_samples, True):
            theirs = f"{header.streams} streams of {header.groups} groups"
            detail = f"{theirs}, {header.code_samples} samples a code, which {self.name} has not"
            raise DataError(Diagnostic(where, "esc-header", detail))


def _hash(network: Esc) -> bytes:
    """First bytes of the SHA-256 of all tensors, by name, and the shape."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    digest.update(_shape(network).encode())
    return digest.digest()[:HASH_BYTES]


def save_codec(path: Path, name: str, network: Esc) -> None:
    """Weights with the network's name and shape in their header."""
    save_weights(path, network, {"codec": name, "shape": _shape(network)})


def _shape(network: Esc) -> str:
    """All that decides, beside tensors, what codes mean."""
    return json.dumps(asdict(network.config))


def open_codec(path: Path) -> Codec:
    """The codec in a file of `save_codec`; DataError where it is none."""
    require_file(path, "weights-unreadable")
    try:
        with safe_open(str(path), framework="pt") as file:
            told = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise DataError(Diagnostic(str(path), "weights-unreadable", str(error))) from error
    name = told.get("codec", "")
    if name not in CODECS:
        detail = f"names {name!r}, not one of {', '.join(CODECS)}"
        raise DataError(Diagnostic(str(path), "codec-unknown", detail, "weights of a codec"))
    with torch.random.fork_rng(devices=[]):
        network = CODECS[name]()
    if told.get("shape") != _shape(network):
        detail = f"weights of another {name}: {told.get('shape', 'no shape is told')}"
        raise DataError(Diagnostic(str(path), "codec-shape", detail, "train it anew"))
    load_weights(path, network)
    return Codec(name, network)
