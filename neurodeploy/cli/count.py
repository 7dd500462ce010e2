"""`neurodeploy count`: operations of a network, layer by layer, by a convention that is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._options import INPUT
from neurodeploy.cli._show import show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.bench.counting.convention import Convention
    from neurodeploy.bench.counting.record import CountRecord, LayerCount

COLUMNS: dict[str, Callable[[LayerCount, Convention], int]] = {
    "dense MACs": lambda row, by: row.dense(by),
    "effective MACs": lambda row, by: row.effective_macs(by),
    "ACs": lambda row, by: row.effective_acs(by),
    "bias adds": lambda row, by: 0 if by.bias == "in" else row.bias_adds,
    "other operations": lambda row, by: (
        row.multiplies + row.adds + row.compares + row.divisions + row.functions
    ),
    "updates": lambda row, by: row.updates,
    "spikes in": lambda row, by: row.spikes_in,
    "spikes out": lambda row, by: row.spikes_out,
    "parameters": lambda row, by: row.parameters,
}


def command(
    file: str = typer.Argument(..., help="a .nir or .ndp file, or FILE.py:FACTORY"),
    inputs: Path | None = typer.Option(
        None, "--input", help=f"what runs through it: of a network {INPUT}; of a module (B, ...)"
    ),
    shape: str = typer.Option("", help="of a module without --input: of one sample, as 3,32,32"),
    weights: Path | None = typer.Option(None, help="of a module: its .safetensors weights"),
    hw: str = typer.Option("", help="of a network with --input: core by core on this chip"),
    convention: str = typer.Option(
        "nd-2", help="as nd-2(padding=in,bias=in); see docs/counting.md"
    ),
    strict: bool = typer.Option(
        False, "--strict", help="an operator that is not counted is an error"
    ),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Count a module's, graph's or Program's operations; without --input, by shapes alone."""
    from neurodeploy.bench.counting.convention import Convention
    from neurodeploy.bench.records import to_json

    by = Convention.parse(convention)
    if ".py:" in file:
        record = _module(file, weights, inputs, shape, by, strict)
    else:
        record = _network(Path(file), inputs, hw, by, dt)
    if as_json:
        show_json({"convention_id": by.id, **to_json(record)})
    else:
        _show(record)


def _module(
    reference: str,
    weights: Path | None,
    inputs: Path | None,
    shape: str,
    by: Convention,
    strict: bool,
) -> CountRecord:
    from neurodeploy.bench.counting.module_files import count_module_file
    from neurodeploy.cli._factory import load_module, parse_shape
    from neurodeploy.errors import ConfigError, Diagnostic

    if (inputs is None) == (not shape):
        detail = "a module is counted on data or on a shape"
        raise ConfigError(Diagnostic("--input", "choice", detail, "give --input or --shape"))
    sizes = parse_shape(shape) if shape else None
    module = load_module(reference, weights)
    return count_module_file(module, reference, inputs, sizes, by, strict)


def _network(
    file: Path, inputs: Path | None, hw: str, by: Convention, dt: float | None
) -> CountRecord:
    from neurodeploy.bench.counting.graphs import count_graph
    from neurodeploy.bench.counting.programs import count_trace
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.hardware import load_hardware
    from neurodeploy.ir.files import read_inputs, read_nir
    from neurodeploy.passes.place import place
    from neurodeploy.pipeline import load, run

    if inputs is None:
        if file.suffix != ".nir" or hw:
            detail = "cores and Programs are counted in a run"
            raise ConfigError(Diagnostic("--input", "missing", detail, "give its input"))
        return count_graph(read_nir(file)[0], by)
    program = load(file, dt)
    data = read_inputs(inputs, program)
    trace = run(program, data, probe="all")
    mapping = place(trace.program, load_hardware(hw)) if hw else None
    return count_trace(trace, data, mapping, by)


def _show(record: CountRecord) -> None:
    by = record.convention
    used = [name for name, of in COLUMNS.items() if any(of(row, by) for row in record.counted)]
    cores = any(row.core is not None for row in record.layers)
    head = (*(["core"] if cores else []), "layer", "operation", *used)
    rows = [_line(row, by, used, cores) for row in record.counted]
    sums = (sum(COLUMNS[name](row, by) for row in record.counted) for name in used)
    rows.append((*([""] if cores else []), "total", "", *sums))
    runs = f"samples: {record.samples}, steps: {record.steps}, {by.id}"
    show_table(f"Operations ({runs})", head, rows)
    typer.echo(by.text)
    for name, calls in record.uncounted.items():
        typer.echo(f"not counted: {name}, {calls} calls")


def _line(row: LayerCount, by: Convention, used: list[str], cores: bool) -> tuple[Any, ...]:
    place = (row.core,) if cores else ()
    return (*place, row.name or "(root)", row.op, *(COLUMNS[name](row, by) for name in used))
