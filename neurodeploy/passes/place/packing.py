"""Boxes into cores: the neediest first, each to the core that it talks to most of those with room.

What boxes use adds up: a neuron that reaches two boxes of a core takes two axons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodeploy.passes.place.links import Links

Array = np.ndarray[Any, np.dtype[Any]]


def pack(used: Array, limits: Sequence[int], links: Links) -> Array:
    """The core of every box. used: of every box (rows) what it takes of every limit (columns).

    A box that breaks a limit by itself must not occur.
    """
    most = np.asarray(limits, dtype=np.int64)
    neediest = np.argsort(-(used / np.maximum(most, 1)).max(axis=1), kind="stable")
    talks = _talks(links, len(used))
    core_of = np.full(len(used), -1, dtype=np.int64)
    filled = np.zeros_like(used)
    cores = 0
    for box in neediest:
        room = np.flatnonzero((filled[:cores] + used[box] <= most).all(axis=1))
        if not len(room):
            core_of[box] = cores
            cores += 1
        else:
            core_of[box] = _closest(room, box, talks, core_of)
        filled[core_of[box]] += used[box]
    return _in_flow_order(core_of)


def _closest(room: Array, box: int, talks: list[list[tuple[int, float]]], core_of: Array) -> int:
    """Of the cores with room the one with most messages to and from the box; the first if none."""
    messages = dict.fromkeys(room.tolist(), 0.0)
    for other, sent in talks[box]:
        core = int(core_of[other])
        if core in messages:
            messages[core] += sent
    return max(messages, key=messages.__getitem__)


def _talks(links: Links, boxes: int) -> list[list[tuple[int, float]]]:
    talks: list[list[tuple[int, float]]] = [[] for _ in range(boxes)]
    for source, target, sent in zip(
        links.source.tolist(), links.target.tolist(), links.messages.tolist(), strict=True
    ):
        if source >= 0 and source != target:
            talks[source].append((target, sent))
            talks[target].append((source, sent))
    return talks


def _in_flow_order(core_of: Array) -> Array:
    """The same cores, numbered in the order of their first boxes."""
    first = np.unique(core_of, return_index=True)[1]
    numbers = np.empty(len(first), dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[core_of]
