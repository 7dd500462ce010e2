"""Where numba keeps machine code: in our folder, for every copy of the same sources on the machine.

By itself it keeps a folder for each place that a package is installed in, and asks for the time of
a source file: a second environment, or a wheel installed again, would compile for half a minute.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator


def keep(dispatcher: Any, folder: Path) -> None:
    """Loads a compiled function's machine code from `folder`, or leaves it there.

    It holds while the text of the function's file is the same; what else the machine code depends
    on is the folder's name to say.
    """

    class Place(_CacheLocator):
        def __init__(self, source: str) -> None:
            self._source = Path(source)

        def get_cache_path(self) -> str:
            return str(folder)

        def get_source_stamp(self) -> str:
            return hashlib.sha256(self._source.read_bytes()).hexdigest()

        def get_disambiguator(self) -> str:
            return self._source.parent.name

        @classmethod
        def from_function(cls, function: Any, source: str) -> Place:
            return cls(source)

    class Contents(CompileResultCacheImpl):
        _locator_classes = (Place,)

    class Cache(FunctionCache):
        _impl_class = Contents

    dispatcher._cache = Cache(dispatcher.py_func)
