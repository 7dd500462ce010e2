"""`neurodeploy tune`: train a network on through the chip's integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._show import say, say_notes, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.ir.nir_file import NirFile
    from neurodeploy.zoo.fine_tuning import FineTuned
    from neurodeploy.zoo.train.tune import Gain


def command(
    source: str = typer.Argument(..., help="a .nir file; or vad, vad_zero, digits or braille"),
    data: Path = typer.Option(
        ...,
        help="of a .nir: an .npz of `input` (T, B, ...) and whole `labels` (B,) or (T, B); else "
        "what `train` takes as --corpus",
    ),
    output: Path = typer.Option(
        ..., "-o", "--output", help="the .ndp file to write, with the .nir beside it"
    ),
    test: Path | None = typer.Option(None, help="of a .nir: as --data; else every fifth sample"),
    hw: str = typer.Option("loihi2", help="chip: a name or a .toml file"),
    bits: int = typer.Option(8, help="weight bits"),
    input_bits: int = typer.Option(8, help="width of graded input messages"),
    steps: int = typer.Option(150, help="batches to train on", min=1),
    batch: int = typer.Option(32, help="of a .nir: samples in a batch", min=1),
    lr: float = typer.Option(1e-3, help="learning rate at the start"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    checkpoint: Path | None = typer.Option(
        None, help="a .safetensors that holds the state: what was killed goes on from it"
    ),
    module: str | None = typer.Option(
        None, help="FILE.py:FACTORY that the .nir was exported from: writes .safetensors, too"
    ),
    weights: Path | None = typer.Option(None, help="the module's .safetensors before"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Train a network on through the chip's exact integers, and show what that gained.

    Written are the compiled Program, the graph with the weights that its integers stand for, and
    with --module the module's weights.
    """
    from neurodeploy.ir.files import write_program
    from neurodeploy.passes.quantize import Options
    from neurodeploy.resources import resource
    from neurodeploy.sources import read_graph
    from neurodeploy.whole_files import require_another, require_suffix
    from neurodeploy.zoo.train.tune import NAMES, labelled_data, recipe_data, tune

    known = source in NAMES
    path = resource("exports", f"{source}.nir") if known else Path(source)
    graph_path = require_suffix(output, ".ndp", "a Program's file").with_suffix(".nir")
    require_another(graph_path, (path,))
    found = read_graph(path)
    arrays = (
        recipe_data(source, data, steps)
        if known
        else labelled_data(data, steps, batch=batch, test=test)
    )
    options = Options(weight_bits=bits, input_bits=input_bits)
    with _progress(steps) as report:
        tuned, gain = tune(
            path,
            arrays,
            hardware=hw,
            options=options,
            lr=lr,
            dt=dt,
            checkpoint=checkpoint,
            report=report,
        )
    write_program(output, tuned.program)
    if as_json:
        show_json(vars(gain))
    else:
        _show(source, bits, gain, steps)
    say_notes(tuned.program)
    say(f"wrote {output}")
    _write_graph(graph_path, tuned, found)
    if module:
        _write_module(output.with_suffix(".safetensors"), tuned, found, module, weights)


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[int, int, float], None]]:
    import sys

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        row = bar.add_task("tuning", total=steps)
        yield lambda step, total, loss: bar.update(
            row, completed=step, description=f"tuning  loss {loss:.3f}"
        )


def _show(name: str, bits: int, gain: Gain, steps: int) -> None:
    tuned = f"tuned, step {gain.kept} of {steps}" if gain.kept else "rounded: no step was better"
    rows = (
        ("float", gain.real),
        (f"{bits} bits, rounded", gain.rounded),
        (f"{bits} bits, {tuned}", gain.tuned),
    )
    show_table(
        f"{name}: right answers of {gain.answers:,} that were held out",
        ("network", "right %"),
        [(what, 100 * share) for what, share in rows],
    )
    say("the step was picked on training data that was not trained on")


def _write_graph(path: Path, tuned: FineTuned, found: NirFile) -> None:
    """The trained graph; where its nodes cannot hold the weights, a word on that."""
    from neurodeploy.errors import QuantizationError
    from neurodeploy.ir.files import write_nir
    from neurodeploy.zoo.fine_tuning.graph import tuned_graph

    real = tuned.compiled.real
    word = real.meta.get("discretisation")
    try:
        graph = tuned_graph(tuned, found.graph, dt=real.dt, discretisation=word)
    except QuantizationError as error:
        for diagnostic in error.diagnostics:
            say(f"no {path.name}: {diagnostic}")
        return
    manifest: dict[str, Any] = {"dt": real.dt} | ({"discretisation": word} if word else {})
    write_nir(path, graph, manifest)
    say(f"wrote {path}")


def _write_module(
    path: Path, tuned: FineTuned, found: NirFile, reference: str, weights: Path | None
) -> None:
    from neurodeploy.cli._factory import load_module
    from neurodeploy.zoo.fine_tuning import tuned_state_dict
    from neurodeploy.zoo.train.checkpoint import save_weights

    built = load_module(reference, weights)
    (port,) = tuned.compiled.real.inputs
    state = tuned_state_dict(tuned, built, port.shape, dt=tuned.compiled.real.dt)
    built.load_state_dict(state)
    save_weights(path, built)
    say(f"wrote {path}")
