"""`neurodeploy hybrid`: a network with parts on the chip and parts on the host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._energy import chips_of
from neurodeploy.cli._factory import load_module, parse_shapes
from neurodeploy.cli._options import INPUT
from neurodeploy.cli._show import say, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.bench.hybrid import PartEnergy
    from neurodeploy.hybrid import Crossing, HybridProgram

app = typer.Typer(help="A network with parts on the chip and parts on the host.")

FACTORY = typer.Argument(..., metavar="FILE.py:FACTORY", help="builds the network of one step")


@app.command()
def cut(
    factory: str = FACTORY,
    shape: list[str] = typer.Option(..., help="input per step; again, NAME=SIZES, for each input"),
    dt: float = typer.Option(..., help="time step in seconds"),
    weights: Path | None = typer.Option(None, help="a .safetensors state_dict"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Say what of a network goes to the chip, and why the rest does not."""
    from neurodeploy.hybrid import cut as cut_module

    _show_parts(cut_module(load_module(factory, weights), parse_shapes(shape), dt=dt), as_json)


@app.command()
def compile(
    factory: str = FACTORY,
    calibrate: Path = typer.Option(..., help=f"input like the network's own: {INPUT}"),
    output: Path = typer.Option(..., "-o", "--output", help="the .hybrid folder to write"),
    dt: float = typer.Option(..., help="time step in seconds"),
    hw: str = typer.Option("loihi2", help="chip: a name or a .toml file"),
    bits: int = typer.Option(8, help="weight bits, 1 to 8"),
    weights: Path | None = typer.Option(None, help="a .safetensors state_dict"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Cut a network and compile its chip parts; what crosses gets scales from the calibration."""
    from neurodeploy.hybrid import compile_hybrid, write_hybrid
    from neurodeploy.passes.quantize import Options

    module = load_module(factory, weights)
    options = Options(weight_bits=bits)
    hybrid, _ = compile_hybrid(module, hw, calibration=_inputs(calibrate), dt=dt, options=options)
    write_hybrid(output, hybrid)
    _show_parts(hybrid, as_json)
    say(f"wrote {output}")


@app.command()
def run(
    folder: Path = typer.Argument(..., help="a .hybrid folder"),
    factory: str = FACTORY,
    inputs: Path = typer.Option(..., "--input", help=INPUT),
    output: Path = typer.Option(..., "-o", "--output", help="the .npz to write"),
    backend: str = typer.Option("cpu", help="of the chip parts: cpu, lava or loihi2"),
    chip: str = typer.Option("loihi2", help="hardware to price the chip parts on"),
    host: str = typer.Option("arm_2015", help="hardware to price the host parts on"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Run all parts, count what crosses between them and price both sides."""
    from dataclasses import asdict

    import numpy as np

    from neurodeploy.bench.hybrid import hybrid_energy
    from neurodeploy.hybrid import read_hybrid, run_hybrid
    from neurodeploy.whole_files import require_another, require_suffix, write_whole

    require_another(require_suffix(output, ".npz", "an array file"), (inputs,))
    hybrid = read_hybrid(folder, load_module(factory))
    trace = run_hybrid(hybrid, _inputs(inputs), backend=backend)
    outputs: dict[str, Any] = trace.outputs
    write_whole(output, lambda file: np.savez_compressed(file, **outputs))
    energy = hybrid_energy(trace, chips_of(chip), chips_of(host))
    if as_json:
        crossings = [asdict(c) | {"bytes": c.bytes} for c in trace.crossings]
        show_json({"crossings": crossings, "energy": [asdict(e) for e in energy]})
    else:
        _show_crossings(trace.crossings)
        _show_energy(energy)
    say(f"wrote {output}")


def _inputs(path: Path) -> Any:
    from neurodeploy.ir.array_files import read_arrays

    found = read_arrays(path)
    return next(iter(found.values())) if len(found) == 1 else found


def _show_parts(hybrid: HybridProgram, as_json: bool) -> None:
    from dataclasses import asdict

    reasons = {
        part.name: {node: [asdict(d) for d in why] for node, why in part.reasons.items()}
        for part in hybrid.host_parts
    }
    starts = hybrid.starts
    if as_json:
        parts = [{"name": p.name, "nodes": p.nodes, "inputs": p.inputs, "outputs": [*p.outputs],
                  "start": starts[p.name], "reasons": reasons.get(p.name, {})}
                 for p in hybrid.parts]  # fmt: skip
        show_json({"parts": parts, "latency": hybrid.latency})
        return
    show_table(
        f"{hybrid.name}: {len(hybrid.chip_parts)} chip and {len(hybrid.host_parts)} host part(s), "
        f"{hybrid.latency} steps late",
        ("part", "computes", "from", "sends", "starts at step"),
        [
            (p.name, " ".join(p.nodes), " ".join(p.inputs), " ".join(p.outputs), starts[p.name])
            for p in hybrid.parts
        ],
    )
    for part in hybrid.host_parts:
        for why in part.reasons.values():
            for each in why:
                typer.echo(f"{part.name}: {each}")


def _show_crossings(crossings: tuple[Crossing, ...]) -> None:
    show_table(
        "Between host and chip, over all samples and steps",
        ("value", "from", "to", "bits", "messages", "values", "bytes"),
        [(c.value, c.source, c.target, c.bits, c.messages, c.values, c.bytes) for c in crossings],
    )


def _show_energy(energy: tuple[PartEnergy, ...]) -> None:
    show_table(
        "Energy per inference (estimates); crossings are not priced",
        ("part", "hardware", "joules", "evidence"),
        [(e.part, e.estimate.place, f"{e.estimate.energy_j:.2g}", e.estimate.evidence)
         for e in energy],
    )  # fmt: skip
    for words in dict.fromkeys("; ".join(e.estimate.missing) for e in energy if e.estimate.missing):
        typer.echo(f"without {words}")
