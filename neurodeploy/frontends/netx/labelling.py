"""Gives a Program that was read from our own netx file its names and scales again."""

from __future__ import annotations

from dataclasses import replace

from neurodeploy.ir.netx_labels import Labels, damaged
from neurodeploy.ir.program import Program


def labelled(program: Program, labels: Labels, where: str) -> Program:
    """Raises DataError where the labels name another network than the file holds."""
    if len(labels.layers) != len(program.neurons):
        detail = f"names {len(labels.layers)} populations, the file has {len(program.neurons)}"
        raise damaged(where, detail)
    names = {program.inputs[0].name: labels.port.name}
    titles: dict[str, str] = {}
    for neuron, label in zip(program.neurons, labels.layers, strict=True):
        names[neuron.name] = label.name
        incoming = program.incoming(neuron.name)
        if len(incoming) != len(label.synapses):
            detail = f"{label.name} has {len(label.synapses)} synapses, the file {len(incoming)}"
            raise damaged(where, detail)
        titles |= {s.name: name for s, name in zip(incoming, label.synapses, strict=True)}
    return replace(
        program,
        name=labels.name,
        neurons=tuple(
            replace(neuron, name=label.name, scale=label.scale)
            for neuron, label in zip(program.neurons, labels.layers, strict=True)
        ),
        synapses=tuple(
            replace(s, name=titles[s.name], source=names[s.source], target=names[s.target])
            for s in program.synapses
        ),
        outputs=tuple(names[name] for name in program.outputs),
        meta=dict(labels.meta),
        notes=(*labels.notes, *program.notes),
    )
