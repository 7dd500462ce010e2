"""Pictures of networks: boxes and arrows from left to right, as one SVG.

`diagram` says what is drawn, `ranks`, `rows` and `board` where, `routes` how arrows run; `draw`
writes it.
"""

from __future__ import annotations

from neurodeploy.report.picture.diagram import Arrow, Box, Diagram
from neurodeploy.report.picture.draw import draw

__all__ = ["Arrow", "Box", "Diagram", "draw"]
