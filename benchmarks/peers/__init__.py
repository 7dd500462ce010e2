"""One file per simulator: how it runs a Program. Each has `prepare(program, x) -> Runner`.

x: uint8 spikes `(T, B, *shape)`. What building the network takes is not in a Runner. `prepare`
raises Refused, with the reason, for what the simulator does not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# simulator -> distribution that has to be installed
PEERS = {
    "cpu": "neurodeploy",
    "cpu_steps": "neurodeploy",
    "lava": "lava-nc",
    "netx": "lava-dl",
    "snntorch": "snntorch",
    "norse": "norse",
    "spikingjelly": "spikingjelly",
    "brian2": "brian2",
}


class Refused(Exception):
    """Why a simulator does not run something."""


@dataclass(frozen=True)
class Runner:
    """run: T steps more, the first time from the initial state; the seconds of the steps alone, or
    None: whoever calls takes the time. read: what the output population sent in the last run
    `(T, B, N)`. latency: whether a synapse takes a step, as on the chip.
    """

    run: Callable[[], float | None]
    read: Callable[[], Array]
    latency: bool = True
    close: Callable[[], None] = lambda: None
