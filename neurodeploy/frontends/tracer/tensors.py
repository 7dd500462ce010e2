"""Which tensors carry signals, which are constants, and which look into the same memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from neurodeploy.frontends.tracer.expressions import Zero
from neurodeploy.frontends.tracer.values import Value


class Tensors:
    """Everything seen in a run; all of it is kept alive, as ids are reused.

    Only tensors whose making was seen, or that were on the module, are known to be constants: what
    comes out of a compiled function may depend on the input and be the same by chance.
    """

    def __init__(self, names: Iterable[tuple[str, Tensor]]) -> None:
        super().__init__()
        self.placeholders: dict[int, str] = {}
        self._values: dict[int, tuple[Tensor, Value, tuple[int, int]]] = {}
        self._plain: dict[int, Tensor] = {}
        self._random: dict[int, Tensor] = {}
        self._names: dict[int, str] = {}
        self._in_memory: dict[int, set[int]] = {}
        for name, tensor in names:
            self._names[id(tensor)] = name
            self.made(tensor)

    def follow(self, tensor: Tensor, value: Value) -> None:
        """From now on this tensor object has this value, until something unseen changes it."""
        self._values[id(tensor)] = (tensor, value, _content(tensor))
        self._plain.pop(id(tensor), None)
        self._remember(tensor)

    def changed(self, tensors: Iterable[Tensor]) -> None:
        """A function that is seen may have changed these followed tensors."""
        for tensor in tensors:
            self._values[id(tensor)] = (*self._values[id(tensor)][:2], _content(tensor))

    def made(self, tensor: Tensor) -> None:
        """This tensor is a constant."""
        self._plain[id(tensor)] = tensor
        self._remember(tensor)

    def drawn(self, tensor: Tensor) -> None:
        """This tensor is random."""
        self._plain.pop(id(tensor), None)
        self._random[id(tensor)] = tensor

    def computed(self, given: Iterable[Any], out: Iterable[Any], is_random: bool) -> None:
        """Results of a function that got no signal: constants if all that it got is constant."""
        tensors = [t for t in given if isinstance(t, Tensor)]
        is_random = is_random or any(id(t) in self._random for t in tensors)
        plain = all(id(t) in self._plain or id(t) in self.placeholders for t in tensors)
        for tensor in out:
            if isinstance(tensor, Tensor) and is_random:
                self.drawn(tensor)
            elif isinstance(tensor, Tensor) and plain:
                self.made(tensor)

    def lookup(self, tensor: Any) -> Value | None:
        """The value of a followed tensor, else None."""
        found = self._values.get(id(tensor))
        return found[1] if found and found[2] == _content(tensor) else None

    def known(self, tensor: Any) -> Tensor | None:
        """The tensor itself if it is a constant."""
        return self._plain.get(id(tensor)) if self.lookup(tensor) is None else None

    def is_random(self, tensor: Any) -> bool:
        return id(tensor) in self._random

    def constant(self, tensor: Any, rest: Tensor | float = 0.0) -> Value | None:
        """A constant of zeros (or at `rest`) as a value of one step; None for any other tensor."""
        seen = self.known(tensor) is not None or id(tensor) in self.placeholders
        if not seen or bool((tensor != rest).any()):
            return None
        return Value((Zero(tuple(tensor.shape[1:])),), timed=False)

    def stem(self, tensor: Any, default: str) -> str:
        """The path of the module that a parameter is on."""
        return self._names.get(id(tensor), "").rpartition(".")[0] or default

    def is_shared(self, tensor: Tensor) -> bool:
        """Whether another tensor that was seen looks into the same memory."""
        others = self._in_memory.get(_memory(tensor), set()) - {id(tensor)}
        return bool(others)

    def _remember(self, tensor: Tensor) -> None:
        if memory := _memory(tensor):
            self._in_memory.setdefault(memory, set()).add(id(tensor))


def _content(tensor: Tensor) -> tuple[int, int]:
    """Another one after each change in place, and where a tensor was given other memory."""
    return _memory(tensor), 0 if tensor.is_inference() else tensor._version


def _memory(tensor: Tensor) -> int:
    if tensor.layout != torch.strided:
        return 0
    return tensor.untyped_storage().data_ptr()
