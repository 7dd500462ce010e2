"""`python -m neurodeploy`."""

from __future__ import annotations

from neurodeploy.cli import main

main()
