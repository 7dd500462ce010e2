"""What a run writes down: where each record goes, and its arrays in C order afterwards."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from neurodeploy.backends.cpu import columns as c
from neurodeploy.backends.cpu.plan import Plan
from neurodeploy.ir.neurons import NEURON_MODELS

Array = np.ndarray[Any, np.dtype[Any]]


class Writing:
    """The records of `keys` (`NODE` or `NODE/STATE`) of a run of `batch` samples."""

    def __init__(self, plan: Plan, keys: tuple[str, ...], batch: int) -> None:
        self._plan, self._keys, self._batch = plan, keys, batch
        place = {name: i for i, name in enumerate(plan.program.order)}
        pairs = [(key, key.partition("/")[0]) for key in keys]
        self._records = sorted(pairs, key=lambda pair: place[pair[1]])
        self._sizes = [batch * plan.program.neuron(name).size for _, name in self._records]
        counts = np.bincount([place[name] for _, name in pairs], minlength=len(place))
        self._ends = np.cumsum(counts).astype(np.int64)
        self.size = sum(self._sizes)
        self.table = functools.lru_cache(maxsize=4)(self._table)

    def _table(self, steps: int) -> tuple[Array, Array]:
        """`Records.rows` and `Records.ends` for a stretch of steps."""
        starts = np.concatenate([[0], np.cumsum(self._sizes)])[:-1] * steps
        numbers = [self._number(*record) for record in self._records]
        return np.stack([numbers, starts], axis=1).astype(np.int64), self._ends

    def _number(self, key: str, name: str) -> int:
        """Which of the population's states a key is."""
        state = key.partition("/")[2]
        states = NEURON_MODELS[self._plan.program.neuron(name).model].state
        return states.index(state) if state in states else c.SENT

    def split(self, written: Array, steps: int) -> dict[str, Array]:
        """`(steps, B, *shape)` of each key."""
        found = {}
        at = 0
        for (key, name), size in zip(self._records, self._sizes, strict=True):
            shape = self._plan.program.shapes[name]
            values = written[at : at + steps * size]
            at += steps * size
            if len(shape) > 1:
                values = values.reshape(steps, self._batch, *shape[1:], shape[0])
                found[key] = np.ascontiguousarray(np.moveaxis(values, -1, 2))
            else:
                found[key] = values.reshape(steps, self._batch, *shape)
        return {key: found[key] for key in self._keys}
