"""Functions that only other compiled functions call: numba compiles them no further than it must.

By itself it optimises every function with all that it calls and makes machine code of it, again at
each level of calls: half of the time that the kernel takes to compile. A part is optimised once,
where it ends up.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class Part(Compiler):
    """numba's compiler, into a `_LinkedCode`."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing, target, library or _LinkedCode(target.codegen(), "part"), *rest)


class _LinkedCode(JITCodeLibrary):
    """Code to be linked into other code, without machine code of its own."""

    def _optimize_final_module(self) -> None:
        """That of the caller is optimised, after this was inlined there."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0

    @property
    def codegen(self) -> _LinkedCode:
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Asked of `codegen` for machine code: there is none."""
