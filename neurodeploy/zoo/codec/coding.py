"""Packets of codes as bytes: packed, or range coded by how often the model uses each code.

    p(code) ~ 1/2 + its count in training data, by stream and group;  -log2 p bits a code

The counts are part of the model (`Esc.code_counts`), so that every packet decodes by itself. Range
coding and the fixed-point probabilities are constriction's (Bamler 2022, arXiv:2201.01741).
"""

from __future__ import annotations

import importlib
from functools import cached_property
from typing import Any

import numpy as np

from neurodeploy.errors import BackendUnavailable, DataError, Diagnostic
from neurodeploy.zoo.codec.container import EscFile
from neurodeploy.zoo.codec.packing import Codes, unpack
from neurodeploy.zoo.models.esc import Esc


def _constriction() -> Any:
    try:
        return importlib.import_module("constriction")
    except ImportError as error:
        detail = f"range coding needs the Python package constriction ({error})"
        hint = 'pip install "neurodeploy[codec]"'
        raise BackendUnavailable(
            Diagnostic("constriction", "package-missing", detail, hint)
        ) from error


class Coding:
    """Both ways, for files of one model."""

    def __init__(self, codec: Esc) -> None:
        self._counts = codec.code_counts.numpy()  # (streams, groups, codes)

    @cached_property
    def _models(self) -> list[list[Any]]:
        categorical = _constriction().stream.model.Categorical
        weights = self._counts.astype(np.float32) + np.float32(0.5)
        return [[categorical(p, perfect=False) for p in stream] for stream in weights]

    def shorter(self, codes: Codes) -> bytes:
        """Codes (streams, groups, times) range coded."""
        encoder = _constriction().stream.queue.RangeEncoder()
        for models, stream in zip(self._models, codes, strict=False):
            for model, group in zip(models, stream, strict=True):
                encoder.encode(group.astype(np.int32), model)
        compressed = encoder.get_compressed()
        return bytes(compressed.astype("<u4").tobytes())

    def read(self, file: EscFile, packet: int) -> Codes:
        """The codes of an intact packet; DataError for one that no encoder writes."""
        header, payload = file.header, file.payload(packet)
        times = header.times_of(packet)
        shape = (header.streams, header.groups, times)
        if len(payload) == header.packed_size(packet):
            return unpack(payload, shape)
        words = np.frombuffer(payload[: len(payload) // 4 * 4], "<u4").astype(np.uint32)
        decoder = _constriction().stream.queue.RangeDecoder(words)
        try:
            streams = self._models[: header.streams]
            codes = [[decoder.decode(m, times) for m in models] for models in streams]
        except AssertionError as error:  # constriction's word for it
            raise DataError(Diagnostic(f"packet {packet}", "esc-coding", str(error))) from error
        return np.array(codes)
