"""`neurodeploy inspect`: what a .nir or .ndp file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from neurodeploy.cli._show import show_json, show_table


def command(
    file: Path = typer.Argument(..., help="a .nir or .ndp file"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
    text: bool = typer.Option(False, "--text", help="print the Program's text form"),
) -> None:
    """Show ports, populations and synapses of a graph or a compiled Program."""
    from neurodeploy.ir.printer import print_program
    from neurodeploy.pipeline import load

    program = load(file, dt)
    if text:
        typer.echo(print_program(program), nl=False)
        return
    description = _describe(program)
    if as_json:
        show_json(description)
        return
    typer.echo(
        f"{file}: {program.arithmetic}, dt {program.dt:g} s, outputs {', '.join(program.outputs)}"
    )
    show_table(
        "Populations",
        ("name", "shape", "model", "tau_u ms", "tau_v ms", "threshold", "latency"),
        [tuple(n.values()) for n in description["neurons"]],
    )
    show_table(
        "Synapses",
        ("source", "target", "kind", "weights", "delay", "weight_exp", "min", "max"),
        [tuple(s.values()) for s in description["synapses"]],
    )
    for note in program.notes:
        typer.echo(f"note: {note}")


def _describe(program: Any) -> dict[str, Any]:
    return {
        "arithmetic": program.arithmetic,
        "dt": program.dt,
        "inputs": [
            {"name": p.name, "shape": list(p.shape), "num_message_bits": p.num_message_bits}
            for p in program.inputs
        ],
        "outputs": list(program.outputs),
        "neurons": [_neuron(program, program.neuron(name)) for name in program.order],
        "synapses": [_synapse(s) for s in program.synapses],
        "meta": dict(program.meta),
        "notes": list(program.notes),
    }


def _neuron(program: Any, neuron: Any) -> dict[str, Any]:
    import numpy as np

    vth = neuron.params.get("vth")
    return {
        "name": neuron.name,
        "shape": "x".join(map(str, neuron.shape)),
        "model": neuron.model,
        "tau_u_ms": _tau_ms(program, neuron.params["du"], 1),
        "tau_v_ms": _tau_ms(program, neuron.params["dv"], 0),
        "vth": None if vth is None else float(np.mean(vth)),
        "latency": program.latency[neuron.name],
    }


def _tau_ms(program: Any, decay: Any, offset: int) -> float | None:
    """dt / decay in ms, None where there is no memory (decay 1) or no leak (decay 0).

    The chip adds `offset` to a fixed decay, of 4096.
    """
    import numpy as np

    fraction, full = float(np.mean(decay)), 1.0
    if program.arithmetic == "fixed":
        fraction, full = (fraction + offset) / 4096, 4095 / 4096
    return None if not 0 < fraction < full else 1e3 * program.dt / fraction


def _synapse(synapse: Any) -> dict[str, Any]:
    values = synapse.weight_values
    return {
        "source": synapse.source,
        "target": synapse.target,
        "kind": synapse.kind,
        "weights": "x".join(map(str, synapse.weights.shape)),
        "delay": synapse.delay,
        "weight_exp": synapse.weight_exp,
        "min": float(values.min()) if values.size else None,
        "max": float(values.max()) if values.size else None,
    }
