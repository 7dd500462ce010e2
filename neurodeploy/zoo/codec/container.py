"""`.esc` files: a header, packets of 0.96 s, and the header once more.

    header  "nESC", version u8, streams u8, coding u8, groups u8, model 16 s, its hash 8 s,
            samples u64, samples a code u32, crc32 u32                                    48 bytes
    packet  e5 c0, number u32, size u16, crc32 u32 of the header before its own, with 0 samples, and
            of number, size and payload                                                   12 bytes
            payload: 48 times of codes, fewer in the last packet

All little-endian. A packet stands for itself: a damaged one costs its 0.96 s and no other, and what
follows is found by its mark; one of another model or shape is none. A payload of the size that
packed codes have is packed; one that is smaller is range coded (zoo/codec/coding.py), and none is
larger. With 12 bytes a packet the container adds 100 bit/s to the codes' rate.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import require_file
from neurodeploy.zoo.audio.io import SAMPLE_RATE
from neurodeploy.zoo.codec.packing import BITS, Codes, pack, packed_size

MAGIC, VERSION = b"nESC", 2
PACKED, RANGE_CODED = 0, 1
PACKET = 48  # times of codes: 0.96 s
MARK = b"\xe5\xc0"
MAX_SAMPLES = 2**31 - 64  # 37 hours: what a WAV file of 16 bits holds
_HEADER = struct.Struct("<4sBBBB16s8sQII")
_PACKET = struct.Struct("<2sIHI")


@dataclass(frozen=True)
class Header:
    """What a file says of itself."""

    model: str  # name in zoo/models/codecs.py
    model_hash: bytes  # 8 bytes of zoo/codec/weights.py
    streams: int
    groups: int
    coding: int  # PACKED, or RANGE_CODED where that is shorter
    samples: int  # at 16 kHz
    code_samples: int  # that the codes of one time stand for

    @property
    def times(self) -> int:
        return -(-self.samples // self.code_samples)

    @property
    def packets(self) -> int:
        return -(-self.times // PACKET)

    @property
    def bit_rate(self) -> float:
        """Of packed codes, bit/s."""
        return self.streams * self.groups * BITS * SAMPLE_RATE / self.code_samples

    def times_of(self, packet: int) -> int:
        return min(PACKET, self.times - packet * PACKET)

    def packed_size(self, packet: int) -> int:
        """Bytes of a packet's codes where they are not range coded."""
        return packed_size(self.times_of(packet) * self.streams * self.groups)

    @property
    def seed(self) -> int:
        """What the checksum of every packet begins with."""
        return crc32(
            replace(self, samples=0).to_bytes()[:-4]
        )  # a checksum's own is the same for all

    def to_bytes(self) -> bytes:
        fields = (MAGIC, VERSION, self.streams, self.coding, self.groups)
        names = (self.model.encode(), self.model_hash)
        sizes = (self.samples, self.code_samples)
        body = _HEADER.pack(*fields, *names, *sizes, 0)[:-4]
        return body + struct.pack("<I", crc32(body))


def _header(data: bytes) -> Header | str:
    """The header in these bytes, or what is wrong with them."""
    if data[:4] != MAGIC:
        return "does not begin as an .esc file does"
    if len(data) < _HEADER.size or struct.unpack("<I", data[-4:])[0] != crc32(data[:-4]):
        return "its checksum is wrong"
    fields = _HEADER.unpack(data)
    _, version, streams, coding, groups, name, digest, samples, code_samples, _ = fields
    if version != VERSION:
        return f"version {version}, this is {VERSION}"
    model = name.rstrip(b"\0").decode("ascii", "replace")
    problems = {
        "the name of its model cannot be shown": not (model.isascii() and model.isprintable()),
        f"coding {coding}, not {PACKED} or {RANGE_CODED}": coding not in (PACKED, RANGE_CODED),
        f"{samples} samples, not 1 to {MAX_SAMPLES}": not 0 < samples <= MAX_SAMPLES,
        f"{streams} streams of {groups} groups, {code_samples} samples a code": not (
            streams * groups * code_samples and packed_size(PACKET * streams * groups) < 2**16
        ),
    }
    found = [words for words, broken in problems.items() if broken]
    header = Header(model, digest, streams, groups, coding, samples, code_samples)
    return ", ".join(found) or header


class EscWriter:
    """Codes into a seekable file, packet by packet; `close` completes it."""

    def __init__(self, file: BinaryIO, header: Header, shorter: Callable[[Codes], bytes]) -> None:
        """`header` without the number of samples; `shorter` range codes a packet."""
        self._file, self._header, self._shorter = file, header, shorter
        self._packets, self._seed = 0, header.seed
        self.payload_bytes = 0
        file.write(bytes(_HEADER.size))

    def write(self, codes: Codes) -> None:
        """The next codes (streams, groups, times): whole packets, but for the last call."""
        for start in range(0, codes.shape[-1], PACKET):
            part = codes[..., start : start + PACKET]
            payload = pack(part)
            if self._header.coding == RANGE_CODED:
                coded = self._shorter(part)
                payload = coded if len(coded) < len(payload) else payload
            counted = struct.pack("<IH", self._packets, len(payload))
            check = crc32(counted + payload, self._seed)
            self._file.write(MARK + counted + struct.pack("<I", check))
            self._file.write(payload)
            self._packets += 1
            self.payload_bytes += len(payload)

    def close(self, samples: int) -> Header:
        """The header to both ends of the file."""
        header = replace(self._header, samples=samples)
        self._file.write(header.to_bytes())
        self._file.seek(0)
        self._file.write(header.to_bytes())
        return header


@dataclass(frozen=True)
class EscFile:
    """A file that was looked through: where its intact packets lie."""

    header: Header
    header_intact: bool  # False: read from the file's end
    end_intact: bool  # False: the file is cut, or damaged there
    size: int  # bytes
    payloads: dict[int, tuple[int, int]] = field(repr=False)  # number -> place and size
    _data: mmap.mmap = field(repr=False)

    def payload(self, packet: int) -> bytes:
        place, size = self.payloads[packet]
        return self._data[place : place + size]

    @property
    def payload_bytes(self) -> int:
        return sum(size for _, size in self.payloads.values())

    @property
    def other_bytes(self) -> int:
        """Bytes of damaged packets and of what never belonged to the file."""
        headers = _HEADER.size * (self.header_intact + self.end_intact)
        return self.size - headers - self.payload_bytes - _PACKET.size * len(self.payloads)

    def lost(self) -> list[tuple[int, int]]:
        """Runs of packets (first, behind the last) that are missing or damaged."""
        runs: list[tuple[int, int]] = []
        next_one = 0
        for packet in [*sorted(self.payloads), self.header.packets]:
            if packet > next_one:
                runs.append((next_one, packet))
            next_one = packet + 1
        return runs


@contextmanager
def open_esc(path: Path) -> Iterator[EscFile]:
    """A file with all its intact packets; DataError where no header is left or none is meant."""
    require_file(path)
    with ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            data = opened.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            detail = f"cannot be read: {error}"
            raise DataError(Diagnostic(str(path), "esc-unreadable", detail)) from error
        yield _scanned(path, data)


def _scanned(path: Path, data: mmap.mmap) -> EscFile:
    first, last = _header(data[: _HEADER.size]), _header(data[-_HEADER.size :])
    header = last if isinstance(first, str) else first
    if isinstance(header, str):
        detail = f"header: {first}" + (f"; its copy at the end: {last}" if last != first else "")
        raise DataError(Diagnostic(str(path), "esc-header", detail, "no .esc file, or cut at both"))
    payloads = dict(_packets(data, header))
    intact = first == header, last == header
    return EscFile(header, *intact, len(data), payloads, data)


def _packets(data: mmap.mmap, header: Header) -> Iterator[tuple[int, tuple[int, int]]]:
    """Intact packets by number, the first of each; what lies between them is skipped."""
    seen: set[int] = set()
    place, seed = 0, header.seed
    while (place := data.find(MARK, place)) >= 0:
        body = place + _PACKET.size
        if body > len(data):
            return
        _, number, size, check = _PACKET.unpack(data[place:body])
        if _fits(header, number, size) and body + size <= len(data):
            counted = data[place + 2 : place + 8]
            if crc32(data[body : body + size], crc32(counted, seed)) == check:
                if number not in seen:
                    seen.add(number)
                    yield number, (body, size)
                place = body + size
                continue
        place += 1


def _fits(header: Header, number: int, size: int) -> bool:
    if number >= header.packets:
        return False
    whole = header.packed_size(number)
    return size == whole or (header.coding == RANGE_CODED and 0 < size < whole)
