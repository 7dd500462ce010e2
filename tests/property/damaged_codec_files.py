"""What may come of damaged `.esc` and audio files: all that is intact, or an error to read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurodeploy.errors import NeurodeployError
from neurodeploy.zoo.audio.blocks import BLOCK, audio_blocks
from neurodeploy.zoo.codec.coding import Coding
from neurodeploy.zoo.codec.files import decode_file
from neurodeploy.zoo.codec.packing import Codes
from neurodeploy.zoo.codec.weights import Codec
from tests.codec_files import codes_of, raw_packets


class DamagedEsc:
    """One file, and the judge of its mutants."""

    def __init__(self, codec: Codec, whole: Path) -> None:
        self._codec, self._coding = codec, Coding(codec.network)
        self._raw = whole.read_bytes()
        self._codes: dict[int, Codes] = codes_of(whole, self._coding)
        self._packets = dict(raw_packets(self._raw, whole))
        self._headers = self._raw[:48], self._raw[-48:]

    def judge(self, mutant: Path, *, decode: bool) -> str:
        """ "decoded" or the rule of the error; AssertionError where something was made up.

        A packet that is there byte for byte must be found, and none may be found that is not.
        """
        raw = mutant.read_bytes()
        headed = raw[:48] == self._headers[0] or raw[-48:] == self._headers[1]
        try:
            found = codes_of(mutant, self._coding)
        except NeurodeployError as error:
            if headed:
                raise AssertionError("a header is intact") from error
            return error.diagnostics[0].rule
        for packet, codes in found.items():
            assert np.array_equal(codes, self._codes[packet]), f"packet {packet} is another"
        missing = [n for n, whole in self._packets.items() if whole in raw and n not in found]
        assert not missing, f"packets {missing} are intact and were not found"
        return self._decoded(mutant) if decode else "read"

    def _decoded(self, mutant: Path) -> str:
        target = mutant.with_suffix(".wav")
        try:
            facts = decode_file(self._codec, mutant, target)
        except NeurodeployError as error:
            assert not target.exists()
            return error.diagnostics[0].rule
        assert 0.0 < facts["written_s"] <= facts["seconds"]
        target.unlink()
        return "decoded"


def judge_audio(mutant: Path) -> str:
    """ "read" or the rule of the error, in pieces that stay small."""
    try:
        for block in audio_blocks(mutant):
            assert block.size <= 17 * BLOCK and np.isfinite(block).all()
    except NeurodeployError as error:
        return error.diagnostics[0].rule
    return "read"
