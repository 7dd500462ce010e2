"""Loads a netx file with lava-dl and feeds it. Import after `compat.import_lava`; needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurodeploy.backends.lava.compat import import_slayer
from neurodeploy.backends.lava.netx import image
from neurodeploy.backends.lava.processes.recording import PLAN, Plan
from neurodeploy.ir.program import Program


def load(
    path: Path,
    program: Program,
    sources: Mapping[str, Any],
    plans: Mapping[str, Plan],
    restart: Plan,
) -> dict[str, Any]:
    """The neuron processes of lava-dl's Network by the Program's population names.

    Arguments as in `network.build`.
    """
    import_slayer()
    from lava.lib.dl.netx.hdf5 import Network

    port = program.inputs[0]
    network = Network(
        net_config=str(path),
        input_message_bits=port.num_message_bits,
        input_shape=image(port.shape)[::-1],
    )
    if len(network.inp.shape) == 3:
        sources[port.name].reshape(image(port.shape)).transpose([2, 1, 0]).connect(network.inp)
    else:
        sources[port.name].connect(network.inp)
    for name, block in zip(program.order, network.layers, strict=True):
        block.neuron.proc_params[PLAN] = plans[name]
        for synapse in (block.synapse, getattr(block, "synapse_rec", None)):
            if synapse is not None:
                synapse.proc_params[PLAN] = restart
    return {name: block.neuron for name, block in zip(program.order, network.layers, strict=True)}
