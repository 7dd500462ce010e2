"""The compatibility module, tested by running Lava and lava-dl in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

LIF_AGAINST_HAND = """
    import numpy as np
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.conv.process import Conv
    from lava.proc.dense.process import Dense
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.lif.process import LIF

    source = Source(data=np.array([[1, 1, 0, 1, 0, 0]]))
    dense, lif = Dense(weights=np.array([[100]])), LIF(shape=(1,), du=2047, dv=1024, vth=120)
    conv = Conv(weight=np.full((1, 1, 1, 1), 3), input_shape=(1, 1, 1))
    after, sink = LIF(shape=(1,), du=4095, dv=0, vth=131071), Sink(shape=(1,), buffer=7)
    source.s_out.connect(dense.s_in)
    dense.a_out.connect(lif.a_in)
    lif.s_out.reshape((1, 1, 1)).connect(conv.s_in)
    conv.a_out.flatten().connect(after.a_in)
    lif.s_out.connect(sink.a_in)
    states = []
    try:
        for _ in range(6):
            lif.run(condition=RunSteps(num_steps=1), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
            states.append((int(lif.u.get()[0]), int(lif.v.get()[0])))
        spikes = sink.data.get()[0].astype(int).tolist()
        total = int(after.v.get()[0])
    finally:
        lif.stop()
    # u = (u * 2048 >> 12) + 6400 a;  v = (v * 3072 >> 12) + u, to 0 above 120 << 6 = 7680
    by_hand = [(0, 0), (6400, 6400), (9600, 0), (4800, 4800), (8800, 0), (4400, 4400)]
    assert states == by_hand, states
    assert spikes[:6] == [0, 0, 1, 0, 1, 0], spikes
    assert total == (3 << 6) * 2, total
"""


def _run(body: str, timeout: int = 180) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_lava_program_gives_the_integers_computed_by_hand() -> None:
    start = """
    from neurodeploy.backends.lava.compat import import_lava
    import_lava()
    """
    _run(start + LIF_AGAINST_HAND)


def test_nothing_else_in_the_process_is_touched() -> None:
    _run(
        """
        import dataclasses, multiprocessing, sys
        import numpy as np

        multiprocessing.set_start_method("spawn")
        hooks, modules = list(sys.meta_path), {"dataclasses": vars(dataclasses).copy()}
        reshape = np.reshape

        from neurodeploy.backends.lava.compat import import_lava
        import_lava()
        import_lava()

        assert multiprocessing.get_start_method() == "spawn"
        assert sys.meta_path == hooks
        assert vars(dataclasses) == modules["dataclasses"] and np.reshape is reshape

        @dataclasses.dataclass
        class Mine:
            x: int = 0

        try:
            @dataclasses.dataclass
            class Wrong:
                x: Mine = Mine()
        except ValueError:
            raised = True
        else:
            raised = False
        assert raised == (sys.version_info >= (3, 11))

        from lava.magma.compiler.var_model import ByteEncoder, CoreEncoder
        if sys.version_info >= (3, 11):  # the cure also gives every instance an encoder of its own
            assert CoreEncoder().x is not CoreEncoder().x
        assert CoreEncoder().x == ByteEncoder()
        """
    )


def test_importing_neurodeploy_imports_no_lava_torch_or_numba() -> None:
    _run(
        """
        import sys
        import neurodeploy
        import neurodeploy.backends.lava, neurodeploy.backends.loihi2, neurodeploy.doctor
        heavy = {m.split(".")[0] for m in sys.modules} & {"lava", "torch", "numba", "snntorch"}
        assert not heavy, heavy
        """
    )


@pytest.mark.skipif(find_spec("torch") is None, reason="slayer needs torch")
def test_slayer_trains_exports_and_agrees_with_lava_spike_for_spike(tmp_path: object) -> None:
    _run(
        f"""
        import numpy as np
        from neurodeploy.backends.lava.compat import import_slayer
        slayer = import_slayer()
        import h5py, torch
        from lava.lib.dl.netx import hdf5
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.io.sink import RingBuffer as Sink
        from lava.proc.io.source import RingBuffer as Source

        torch.manual_seed(0)
        neuron = dict(threshold=0.5, current_decay=0.3, voltage_decay=0.1, requires_grad=False)
        dense = slayer.block.cuba.Dense
        blocks = [dense(neuron, 12, 10, weight_scale=2), dense(neuron, 10, 4, weight_scale=2)]
        net = torch.nn.Sequential(*blocks)
        spikes = (torch.rand(1, 12, 40) < 0.3).float()
        before = [p.detach().clone() for p in net.parameters()]
        for _ in range(3):
            net.zero_grad()
            loss = ((net(spikes).mean(-1) - torch.tensor([0.1, 0.5, 0.2, 0.3])) ** 2).sum()
            loss.backward()
            with torch.no_grad():  # torch.optim takes longer to import than slayer
                for weights in net.parameters():
                    if weights.grad is not None:
                        weights -= 0.1 * weights.grad
        assert any((a != b).any() for a, b in zip(before, net.parameters()))

        path = r"{tmp_path}/net.net"
        with h5py.File(path, "w") as file:
            layers = file.create_group("layer")
            for index, block in enumerate(blocks):
                block.export_hdf5(layers.create_group(str(index)))
        with torch.no_grad():
            expected = net(spikes)[0].numpy().astype(int)
        assert expected.any()

        network = hdf5.Network(net_config=path)
        source = Source(data=spikes[0].numpy().astype(int))
        sink = Sink(shape=network.out.shape, buffer=42)
        source.s_out.connect(network.inp)
        network.out.connect(sink.a_in)
        try:
            fixed = Loihi2SimCfg(select_tag="fixed_pt")
            network.run(condition=RunSteps(num_steps=42), run_cfg=fixed)
            found = sink.data.get().astype(int)
        finally:
            network.stop()
        # slayer shifts each layer by one step, as Lava does
        assert np.array_equal(found[:, :40], expected), (found, expected)
        """
    )
