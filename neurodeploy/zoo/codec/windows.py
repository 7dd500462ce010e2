"""Recordings and streams of any length through the codec, in windows of 4.8 s.

    window k: times [240 k, 240 (k + 1)) and `reach` more on each side, where there are any

What a code depends on ends within the reach (`EscConfig.reach`), so that windows give what the
whole recording at once would give, and a stream needs no more memory than one. Windows depend on
the recording alone, never on how it arrives. Each is computed by one thread, with the same shapes
in the same order of operations: codes are equal from run to run and for any number of workers.
Another processor or release of torch may round otherwise and choose other codes; they decode as
well, since a decoder takes codes as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.codec.coding import Coding
from neurodeploy.zoo.codec.container import PACKET, EscFile
from neurodeploy.zoo.codec.packing import Codes
from neurodeploy.zoo.models.esc import Esc

WINDOW = 5 * PACKET  # times: 4.8 s
In = TypeVar("In")
Out = TypeVar("Out")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread an operation, which fixes the order of its sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_order(
    work: Callable[[In], Out], items: Iterable[In], pool: Executor | None, ahead: int = 4
) -> Iterator[Out]:
    """`work` of each item, in order; a pool computes up to `ahead` of them before they are asked
    for."""
    if pool is None:
        yield from map(work, items)
        return
    waiting: deque[Future[Out]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class AudioWindow(NamedTuple):
    """What one window of codes is made from."""

    audio: Audio  # whole times, zeros behind the recording
    before: int  # times that are not the window's own
    times: int  # its own


def audio_windows(codec: Esc, blocks: Iterable[Audio]) -> Iterator[AudioWindow]:
    """Audio in pieces of any sizes -> the windows, as soon as each is complete."""
    time, reach = codec.config.code_samples, codec.config.reach
    own = WINDOW * time
    held, before = np.zeros(0, dtype=np.float32), 0  # samples of which `before` are coded already

    def cut() -> AudioWindow:
        """The next window; `held` moves on."""
        nonlocal held, before
        audio = held[: before + own + reach]
        times = min(WINDOW, -(-(held.size - before) // time))
        window = AudioWindow(np.pad(audio, (0, -audio.size % time)), before // time, times)
        held, before = held[before + own - reach :], reach
        return window

    for block in blocks:
        held = np.concatenate([held, block])
        while held.size >= before + own + reach:
            yield cut()
    while held.size > before:
        yield cut()


def encode_windows(
    codec: Esc, blocks: Iterable[Audio], streams: int, pool: Executor | None = None
) -> Iterator[Codes]:
    """Audio in pieces -> codes (streams, groups, times), a window at a time."""

    def encode(window: AudioWindow) -> Codes:
        spectrum = codec.spectrum(torch.from_numpy(window.audio[None]))
        codes = codec.encode(spectrum, streams)[0].numpy()
        return codes[..., window.before : window.before + window.times]

    yield from in_order(encode, audio_windows(codec, blocks), pool)


class CodeWindow(NamedTuple):
    """What one window of audio is made from."""

    own: range  # times
    seen: range  # times, its own and those around them; empty where its own are lost


def code_windows(codec: Esc, file: EscFile) -> Iterator[CodeWindow]:
    """The windows of a file up to its last intact packet.

    Intact packets between lost ones are decoded like a recording by itself.
    """
    reach = codec.config.reach // codec.config.code_samples
    intact = file.payloads
    at, end_of_file = 0, max(intact, default=-1) + 1
    while at < end_of_file:
        border = min(end_of_file, at - at % (WINDOW // PACKET) + WINDOW // PACKET)
        lost = at not in intact
        end = next((p for p in range(at + 1, border) if (p not in intact) != lost), border)
        own = range(at * PACKET, min(end * PACKET, file.header.times))
        first = own.start - (reach if at - 1 in intact else 0)
        last = own.stop + (reach if end in intact else 0)
        yield CodeWindow(own, range(0) if lost else range(first, min(last, file.header.times)))
        at = end


def decode_windows(
    codec: Esc, file: EscFile, coding: Coding, pool: Executor | None = None
) -> Iterator[Audio]:
    """A file -> its audio in pieces: silence where packets are lost."""
    time = codec.config.code_samples

    def decode(window: CodeWindow) -> Audio:
        own, seen = window.own, window.seen
        if not seen:
            return np.zeros(len(own) * time, dtype=np.float32)
        packets = range(seen.start // PACKET, -(-seen.stop // PACKET))
        codes = np.concatenate([coding.read(file, packet) for packet in packets], axis=-1)
        start = packets.start * PACKET
        codes = codes[..., seen.start - start : seen.stop - start]
        audio = codec.audio(codec.decode(torch.from_numpy(codes[None].astype(np.int64))))[0]
        return audio[(own.start - seen.start) * time :][: len(own) * time].numpy()

    left = file.header.samples
    for audio in in_order(decode, code_windows(codec, file), pool):
        yield audio[:left]
        left -= audio.size
