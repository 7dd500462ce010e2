"""Peers' packages, loaded for the part of them that is measured."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def stand_in(name: str, **contents: Any) -> ModuleType:
    """The package where it is installed and loads, an empty one with `contents` else."""
    if name not in sys.modules:
        try:
            if contents.get("__path__"):
                raise ImportError
            return importlib.import_module(name)
        except (ImportError, OSError):
            module = ModuleType(name)
            module.__dict__.update(contents)
            sys.modules[name] = module
    return sys.modules[name]
