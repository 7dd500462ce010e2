"""NIR primitives: one file per family with the shape rule, step, lowering and examples of each.

`PRIMITIVES` maps the NIR type's name to its rules; the folder fills it.
"""

from __future__ import annotations

from neurodeploy.ir.graph import Primitive, Role
from neurodeploy.registry import Registry

__all__ = ["PRIMITIVES", "Role"]

PRIMITIVES: Registry[Primitive] = Registry("primitive", "neurodeploy.primitives")
