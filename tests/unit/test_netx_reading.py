"""netx files: integers, shapes, dt, notes, labels; broken keys and what is said of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy.backends import reference
from neurodeploy.backends.lava.netx import write_netx
from neurodeploy.errors import ConfigError, DataError, NeurodeployError
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir.netx_labels import KEY
from tests.conformance.netx_table.files import (
    CUBA,
    EVEN,
    IMAGE,
    LINE,
    SDNN,
    SDNN_INPUT,
    conv,
    dense,
    recurrent,
    write,
)

DT = 1e-3


def test_the_integers_of_a_population(tmp_path: Path) -> None:
    path = write(tmp_path / "a.net", [LINE, dense(bias=[4.0, -6.0]), dense(None, weight=[[8, 2]])])
    with pytest.raises(DataError, match=r"layer 2, weight.*\(1, 2\)"):
        read_netx(path, dt=DT)
    path = write(
        tmp_path / "a.net", [LINE, dense(bias=[4.0, -6.0]), dense(None, weight=EVEN[:, :2])]
    )
    first, last = read_netx(path, dt=DT).neurons
    assert first.params["du"] == 1023 and first.params["dv"] == 128
    assert first.params["bias"].tolist() == [4, -6] and first.params["bias_exp"] == 6
    assert last.model == "integrator"
    assert last.params["du"] == -1 and last.params["dv"] == 4096
    trace = reference.run(read_netx(path, dt=DT), np.ones((40, 3), dtype=int), probe="all")
    u = trace.states["dense2/u"][:, 0]
    np.testing.assert_array_equal(u, trace.states["dense2/v"][:, 0])  # v keeps nothing of its own
    np.testing.assert_array_equal(np.diff(u, axis=0) % 64, 0)  # and u loses nothing
    assert u[-1].any()


def test_an_input_layer_takes_reals_and_adds_its_bias(tmp_path: Path) -> None:
    program = read_netx(
        write(
            tmp_path / "a.net",
            [{**LINE, "neuron": CUBA, "weight": [40.0], "bias": [12.0]}, dense()],
        ),
        dt=DT,
    )
    port = program.inputs[0]
    assert (port.num_message_bits, port.scale, port.signed) == (16, 40.0, True)
    quiet = {**CUBA, "vThMant": 131071, "iDecay": 4096}
    layers = [{**LINE, "neuron": quiet, "weight": [40.0], "bias": [12.0]}, dense()]
    program = read_netx(write(tmp_path / "a.net", layers), dt=DT)
    trace = reference.run(program, np.full((1, 3), 0.5), probe="input0/v")
    assert trace.aligned("input0/v")[0, 0, 0] == (12 << 6) * 3968 // 4096 + ((20 + 12) << 6)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([dense()], (3,)),
        ([{"type": "input"}, recurrent()], (3,)),
        ([dense(weight=EVEN.ravel())], (3,)),
        ([conv()], (2, 4, 5)),
        ([conv(padding=2, dilation=2, shape=[2, 4, 5])], (2, 4, 5)),
    ],
)
def test_a_lost_input_shape_is_found(tmp_path: Path, layers: Any, shape: tuple[int, ...]) -> None:
    assert read_netx(write(tmp_path / "a.net", layers), dt=DT).inputs[0].shape == shape


def test_an_input_shape_that_cannot_be_found_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.net", [conv(stride=[2, 2], shape=[2, 1, 2])])
    with pytest.raises(ConfigError, match="input_shape"):
        read_netx(path, dt=DT)
    assert read_netx(path, dt=DT, input_shape=(2, 4, 5)).shapes["conv0"] == (2, 1, 2)


def test_dt_is_stated_or_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.net", [LINE, dense()])
    with pytest.raises(ConfigError, match=r"dt \[missing\]"):
        read_netx(path)
    assert read_netx(path, dt=2e-3).dt == 2e-3
    path = write(tmp_path / "a.net", [LINE, dense()], simulation={"Ts": 2, "tSample": 64})
    assert read_netx(path).dt == 2e-3  # slayer's milliseconds
    assert read_netx(path, dt=2e-3).dt == 2e-3
    with pytest.raises(ConfigError, match=r"dt \[stated\]"):
        read_netx(path, dt=1e-3)
    write_netx(tmp_path / "b.net", read_netx(path))
    assert read_netx(tmp_path / "b.net").dt == 2e-3


def test_what_the_network_does_not_say_is_noted(tmp_path: Path) -> None:
    layers = [
        LINE,
        dense({**CUBA, "refDelay": 3}, delay=[70.0, 1.0]),
        dense(weight=EVEN[:, :2] * 1.003),
    ]
    program = read_netx(write(tmp_path / "a.net", layers), dt=DT)
    assert [note.split(":")[0] for note in program.notes] == [
        "a.net layer 1",
        "a.net layer 1, neuron",
        "a.net layer 2",
    ]
    assert [s.delay for s in program.incoming("dense1")] == [2, 63]
    np.testing.assert_array_equal(program.synapses[-1].weights, EVEN[:, :2])


BROKEN: list[tuple[str, Any]] = [
    (r"layer 1, weight \[netx-key\]: is missing", dense(weight=None)),
    (r"layer 1, weight .*NaN", dense(weight=np.full((2, 3), np.nan))),
    (r"layer 1, weight .*beyond 32 bits", dense(weight=np.full((2, 3), 1e300))),
    (r"layer 1, weight .*has 4 columns", dense(weight=np.ones((2, 4)))),
    (r"layer 1, weight .*holds no numbers", dense(weight="text")),
    (r"layer 1, weight .*holds no numbers", dense(weight=np.zeros((0, 3)))),
    (r"layer 1, shape .*no shape", dense(shape=[2, 0, 1])),
    (r"layer 1, shape .*up to 16,777,216", dense(shape=[1 << 30, 1 << 30])),
    (r"layer 1, outFeatures", dense(outFeatures=3)),
    (r"layer 1, weight .*inFeatures is 9", dense(inFeatures=9)),
    (r"layer 1, bias .*shape \(3,\)", dense(bias=[1.0, 2.0, 3.0])),
    (r"layer 1, delay .*negative", dense(delay=[-1.0, 2.0])),
    (r"layer 1, delay .*shape \(5,\)", dense(delay=[1.0] * 5)),
    (r"layer 1, neuron .*expected a group", dense(neuron=5)),
    (r"layer 1, neuron, iDecay .*is missing", dense({"type": "CUBA", "vDecay": 1, "vThMant": 1})),
    (r"layer 1, neuron, iDecay .*no 32-bit integers", dense({**CUBA, "iDecay": 0.5})),
    (r"layer 1, neuron, type .*is missing", dense({"vThMant": 3})),
    (r"layer 1, neuron, iDecay .*0..4096", dense({**CUBA, "iDecay": 5000})),
    (r"layer 1, neuron, vThMant .*-1", dense({**CUBA, "vThMant": -1})),
    (r"layer 1, type .*is missing", {"shape": [2]}),
    (r"layer 1, type .*no single text", {"type": np.array([b"dense", b"conv"])}),
    (r"layer 1 \[netx-layer\]: lstm", {"type": "lstm"}),
    (r"layer 1 \[netx-layer\]: input", LINE),
]


@pytest.mark.parametrize(
    ("message", "layer"), BROKEN, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_broken_layer_is_named_with_its_key(tmp_path: Path, message: str, layer: Any) -> None:
    path = write(tmp_path / "a.net", [LINE, layer])
    with pytest.raises(NeurodeployError, match=message):
        read_netx(path, dt=DT)


@pytest.mark.parametrize(
    ("message", "layer"),
    [
        (r"weight .*groups 2", conv(groups=2)),
        (r"weight .*groups 0", conv(groups=0)),
        (r"weight .*spans", conv(dilation=[9, 1])),
        (r"stride .*at least 1", conv(stride=[0, 1])),
        (r"stride .*one or two numbers", conv(stride=[1, 1, 1])),
        (r"shape .*the weights give \(2, 2, 3\)", conv(shape=[2, 9, 9])),
        (r"neuron .*only dense layers", {k: v for k, v in conv().items() if k != "neuron"}),
        (r"type .*is an image.*flatten", dense(weight=np.ones((2, 40)))),
        (r"bias .*the layer \(2, 2, 3\)", conv(bias=[1.0])),
    ],
)
def test_a_broken_image_layer_is_named_with_its_key(
    tmp_path: Path, message: str, layer: Any
) -> None:
    path = write(tmp_path / "a.net", [IMAGE, layer])
    with pytest.raises(NeurodeployError, match=rf"a\.net layer 1, {message}"):
        read_netx(path, dt=DT)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    layers = [LINE, dense({**CUBA, "type": "ALIF"}), dense(weight=np.ones((2, 9))), dense()]
    with pytest.raises(NeurodeployError) as caught:
        read_netx(write(tmp_path / "a.net", layers), dt=DT)
    places = [d.where for d in caught.value.diagnostics]
    assert places == ["a.net layer 1, neuron", "a.net layer 2, weight", "a.net layer 3, weight"]


@pytest.mark.parametrize("names", [[], ["1"], ["0", "2"], ["0", "x"]])
def test_layers_are_numbered_from_0(tmp_path: Path, names: list[str]) -> None:
    import h5py

    with h5py.File(tmp_path / "a.net", "w") as file:
        group = file.create_group("layer")
        for name in names:
            group.create_group(name)
    with pytest.raises(DataError, match="layer, names"):
        read_netx(tmp_path / "a.net", dt=DT)


def test_files_that_are_no_netx(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="netx-file"):
        read_netx(path, dt=DT)
    with pytest.raises(DataError, match=r"layer.*is missing"):
        read_netx(write_other(path), dt=DT)


def write_other(path: Path) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        file["other"] = 1
    return path


MORE = '{"name": "more", "kind": "dense", "weight_exp": 0, "num_weight_bits": 8}'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{", "netx-labels"),
        (lambda text: text.replace('"version": 1', '"version": 9'), "version 9"),
        (lambda text: text.replace('"layers": [{', '"layers": [{}, {'), "netx-labels"),
        (lambda text: text.replace('"synapses": [', f'"synapses": [{MORE}, '), "2 synapses"),
        (lambda text: text.replace('"weight_exp": 0', '"weight_exp": 4'), "weight_exp 4"),
        (lambda text: text.replace('"weight_exp": 0', '"weight_exp": 99'), "weight_exp 99"),
        (lambda text: text.replace('"bias_exp": 6', '"bias_exp": 8'), "bias_exp 8"),
        (lambda text: text.replace('"kind": "dense"', '"kind": "conv2d"'), "is conv2d"),
        (lambda text: text.replace('"kind": "dense"', '"kind": "x"'), "kind 'x'"),
        (lambda text: text.replace('"shape": [3]', '"shape": [3, 2]'), r"is \(3, 2\)"),
        (lambda text: text.replace('"shape": [2]', '"shape": [-2]'), "shape"),
        (lambda text: text.replace('"num_message_bits": 0', '"num_message_bits": -4'), "bits"),
    ],
)
def test_labels_of_another_network_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    import h5py

    path = tmp_path / "a.net"
    layers = [LINE, dense(bias=[1.0, 2.0])]
    write_netx(path, read_netx(write(tmp_path / "b.net", layers), dt=DT))
    with h5py.File(path, "a") as file:
        text = change(file[KEY][()].decode())
        del file[KEY]
        file[KEY] = text
    with pytest.raises(DataError, match=message):
        read_netx(path)


def test_reading_needs_neither_torch_nor_lava(tmp_path: Path) -> None:
    path = write(tmp_path / "a.net", [SDNN_INPUT, dense(SDNN)])
    script = (
        "import sys; from neurodeploy.frontends.netx import read_netx;"
        f"read_netx({str(path)!r}, dt=1e-3);"
        "heavy = {m.split('.')[0] for m in sys.modules} & {'torch', 'lava', 'snntorch', 'norse'};"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
