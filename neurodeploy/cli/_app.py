"""`neurodeploy`: collects the subcommands of this folder and turns errors into lines and codes."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from contextlib import nullcontext
from typing import Any

import typer

import neurodeploy.cli
from neurodeploy.errors import errors_as_lines


def build() -> typer.Typer:
    """The app: every module here that has `command` (a function) or `app` (a group)."""
    app = typer.Typer(
        help="Spiking networks from PyTorch to Loihi-class chips, nothing changed in silence.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def options(
        debug: bool = typer.Option(False, "--debug", help="show the traceback of an error"),
    ) -> None:
        """Spiking networks from PyTorch to Loihi-class chips, nothing changed in silence."""

    for module in pkgutil.iter_modules(neurodeploy.cli.__path__):
        if module.name.startswith("_"):
            continue
        loaded: Any = importlib.import_module(f"neurodeploy.cli.{module.name}")
        if hasattr(loaded, "command"):
            app.command(module.name)(loaded.command)
        elif hasattr(loaded, "app"):
            app.add_typer(loaded.app, name=module.name)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 ok; 1 the model does not verify or fit; 2 usage, config or
    input file; 3 a backend or package is missing; 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    # --debug may stand anywhere
    rest = [*(["--debug"] if debug else []), *(a for a in given if a != "--debug")]
    with nullcontext() if debug else errors_as_lines():
        build()(args=rest, prog_name="neurodeploy")
