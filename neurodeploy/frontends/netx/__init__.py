"""lava-dl's netx files (`.net`) as fixed Programs. Needs neither torch nor lava."""

from __future__ import annotations

from neurodeploy.frontends.netx.reading import read_netx

__all__ = ["read_netx"]
