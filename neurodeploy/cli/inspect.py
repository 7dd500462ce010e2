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
    import numpy as np

    unity = 4096 if program.arithmetic == "fixed" else 1.0

    def tau_ms(decay: Any, offset: int = 0) -> float | None:
        """dt / decay in ms, None where there is no memory (decay 1) or no leak (decay 0)."""
        fraction = (float(np.mean(decay)) + offset) / unity
        full = (unity - 1) / unity if unity > 1 else 1.0
        return None if not 0 < fraction < full else 1e3 * program.dt / fraction

    offset = 1 if program.arithmetic == "fixed" else 0
    neurons = []
    for name in program.order:
        n = program.neuron(name)
        vth = n.params.get("vth")
        neurons.append(
            {
                "name": n.name,
                "shape": "x".join(map(str, n.shape)),
                "model": n.model,
                "tau_u_ms": tau_ms(n.params["du"], offset),
                "tau_v_ms": tau_ms(n.params["dv"]),
                "vth": None if vth is None else float(np.mean(vth)),
                "latency": program.latency[name],
            }
        )
    synapses = []
    for s in program.synapses:
        values = s.weight_values
        synapses.append(
            {
                "source": s.source,
                "target": s.target,
                "kind": s.kind,
                "weights": "x".join(map(str, s.weights.shape)),
                "delay": s.delay,
                "weight_exp": s.weight_exp,
                "min": float(values.min()) if values.size else None,
                "max": float(values.max()) if values.size else None,
            }
        )
    return {
        "arithmetic": program.arithmetic,
        "dt": program.dt,
        "inputs": [
            {"name": p.name, "shape": list(p.shape), "num_message_bits": p.num_message_bits}
            for p in program.inputs
        ],
        "outputs": list(program.outputs),
        "neurons": neurons,
        "synapses": synapses,
        "meta": dict(program.meta),
        "notes": list(program.notes),
    }
