"""The command line: one file per subcommand, each a thin wrapper over functions that tests call."""

from __future__ import annotations

from neurodeploy.cli._app import main

__all__ = ["main"]
