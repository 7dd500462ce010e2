"""Loads a netx file with lava-dl and feeds it. Import after `compat.import_lava`; needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, eye_array

from neurodeploy.backends.lava.compat import import_slayer
from neurodeploy.backends.lava.netx import image
from neurodeploy.backends.lava.netx_layers import layers
from neurodeploy.backends.lava.netx_problems import bias_mantissa
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
    if layers(program)[0].kind == "input":
        _feed_input_block(network.layers[0], program, sources[port.name], restart)
    elif len(network.inp.shape) == 3:
        sources[port.name].reshape(image(port.shape)).transpose([2, 1, 0]).connect(network.inp)
    else:
        sources[port.name].connect(network.inp)
    for name, block in zip(program.order, network.layers, strict=True):
        block.neuron.proc_params[PLAN] = plans[name]
        for synapse in (getattr(block, key, None) for key in ("synapse", "synapse_rec")):
            if synapse is not None:
                synapse.proc_params[PLAN] = restart
    return {name: block.neuron for name, block in zip(program.order, network.layers, strict=True)}


def _feed_input_block(block: Any, program: Program, source: Any, restart: Plan) -> None:
    """lava-dl leaves the input of its Input block unconnected and its bias to the user."""
    from lava.proc.sparse.process import Sparse

    port, neuron = program.inputs[0], program.neurons[0]
    one_by_one = csr_matrix(eye_array(port.size, dtype=np.int32))
    step = Sparse(weights=one_by_one, num_message_bits=port.num_message_bits)
    step.proc_params[PLAN] = restart
    source.connect(step.s_in)
    shape = image(port.shape)
    sent = step.a_out.reshape(shape).transpose([2, 1, 0]) if len(shape) == 3 else step.a_out
    sent.connect(block.neuron.a_in)
    if "bias" in neuron.params:
        bias = bias_mantissa(neuron)
        assert bias is not None
        block.neuron.bias_mant.init = int(bias.flat[0])
