"""Hybrid programs: reasons, files, what crosses, both sides' operations, the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import snntorch  # noqa: E402
from torch import nn  # noqa: E402

import neurodeploy  # noqa: E402
from neurodeploy.bench.hybrid import host_counts, hybrid_energy  # noqa: E402
from neurodeploy.cli._app import main  # noqa: E402
from neurodeploy.errors import ConfigError, DataError, UnsupportedLayer  # noqa: E402
from neurodeploy.hardware import load_hardware  # noqa: E402

SOURCE = '''
import snntorch, torch
from torch import nn

class Block(nn.Module):
    """A Spiking ConvNeXt block without its convolution."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.lif1 = snntorch.Leaky(beta=0.5, init_hidden=True, reset_mechanism="zero")
        self.up = nn.Linear(4, 8)
        self.lif2 = snntorch.Leaky(beta=0.5, init_hidden=True, reset_mechanism="zero")
        self.down = nn.Linear(8, 4)

    def forward(self, x):
        c = 2 * self.norm(x)
        h = self.lif2(2 * nn.functional.gelu(self.up(self.lif1(c))))
        return x + self.down(h) * c

def build():
    torch.manual_seed(1)
    return Block()

class Other(Block):
    def forward(self, x):
        return self.lif1(x)

def other():
    return Other()
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """block.py and x.npy (10 steps, 3 samples)."""
    folder = tmp_path_factory.mktemp("hybrid")
    (folder / "block.py").write_text(SOURCE)
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(10, 3, 4)))
    return folder


def built(folder: Path, name: str = "build") -> Any:
    space: dict[str, Any] = {"__name__": "block"}
    exec(compile((folder / "block.py").read_text(), "block.py", "exec"), space)
    return space[name]()


@pytest.fixture(scope="module")
def hybrid(folder: Path) -> Any:
    x = np.load(folder / "x.npy")
    return neurodeploy.compile_hybrid(built(folder), calibration=x, dt=1e-3)[0]


def test_every_cut_has_its_reason(hybrid: Any) -> None:
    assert [p.name for p in hybrid.parts] == ["host1", "chip1", "host2", "chip2", "host3"]
    assert [p.nodes for p in hybrid.chip_parts] == [("lif1", "up"), ("mul_1", "lif2", "down")]
    rules = {n: [d.rule for d in why] for p in hybrid.host_parts for n, why in p.reasons.items()}
    assert rules["norm"] == ["layer"] and rules["mul_2"] == ["mul"]
    assert rules["mul"] == rules["add"] == ["no-neuron"] and set(rules["gelu"]) == {"gelu"}
    assert hybrid.starts == {
        "host1": 0, "chip1": 0, "host2": 2, "chip2": 2, "host3": 4, "output": 4,
    }  # fmt: skip


def test_what_crosses_is_counted(folder: Path, hybrid: Any) -> None:
    trace = neurodeploy.run_hybrid(hybrid, np.load(folder / "x.npy"))
    rows = {c.value: c for c in trace.crossings}
    assert [(c.value, c.source, c.target, c.bits) for c in trace.crossings] == [
        ("mul", "host1", "chip1", 8),
        ("up", "chip1", "host2", 24),
        ("gelu", "host2", "chip2", 8),
        ("down", "chip2", "host3", 24),
    ]
    assert (rows["mul"].values, rows["mul"].bytes) == (10 * 3 * 4, 120)
    assert (rows["up"].values, rows["up"].bytes) == (10 * 3 * 8, 720)
    port = hybrid.chip_parts[0].program.port("mul")
    assert rows["mul"].messages == np.count_nonzero(np.rint(trace.values["mul"] * port.scale))


def test_both_sides_are_priced(folder: Path, hybrid: Any) -> None:
    trace = neurodeploy.run_hybrid(hybrid, np.load(folder / "x.npy"))
    hardware = [load_hardware("cmos45nm")]
    energy = hybrid_energy(trace, hardware, hardware)
    assert {(e.part, e.side) for e in energy} == {(p.name, p.name[:4]) for p in hybrid.parts}
    assert all(e.estimate.energy_j for e in energy)
    record = host_counts(trace, hybrid.host_parts[0])
    assert record.samples == 3 and record.steps == 10 and not record.uncounted


def test_a_folder_is_read_back(folder: Path, hybrid: Any) -> None:
    path = folder / "block.hybrid"
    neurodeploy.write_hybrid(path, hybrid)
    module = built(folder)
    nn.init.zeros_(module.norm.weight)  # the folder's weights count
    again = neurodeploy.read_hybrid(path, module)
    x = np.load(folder / "x.npy")
    wanted = neurodeploy.run_hybrid(hybrid, x)
    got = neurodeploy.run_hybrid(again, x)
    assert np.array_equal(got.output, wanted.output) and got.crossings == wanted.crossings
    assert again.host_parts[0].reasons == hybrid.host_parts[0].reasons
    with pytest.raises(DataError, match="something else than the module that was cut"):
        neurodeploy.read_hybrid(path, built(folder, "other"))
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["parts"] = manifest["parts"][1:]
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="reads mul before"):
        neurodeploy.read_hybrid(path, module)
    (path / "manifest.json").write_text("[]")
    with pytest.raises(DataError, match="is no neurodeploy-hybrid"):
        neurodeploy.read_hybrid(path, module)


class Loop(nn.Module):
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


def test_modules_that_are_no_plain_step_are_refused() -> None:
    with pytest.raises(UnsupportedLayer, match="no plain step"):
        neurodeploy.cut(Loop(), (4,), dt=1e-3)
    explicit = nn.Sequential(nn.Linear(4, 4), snntorch.Leaky(beta=0.5))
    with pytest.raises(UnsupportedLayer, match="use init_hidden=True"):
        neurodeploy.cut(explicit, (4,), dt=1e-3)
    with pytest.raises(ConfigError, match="give the shape of one step"):
        neurodeploy.cut(nn.Sequential(nn.Linear(4, 4)), (5,), dt=1e-3)


def test_from_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factory, x = f"{folder / 'block.py'}:build", str(folder / "x.npy")
    out, result = str(folder / "cli.hybrid"), str(folder / "out.npz")
    calls = (
        ["cut", factory, "--shape", "4", "--dt", "1e-3"],
        ["compile", factory, "--calibrate", x, "--dt", "1e-3", "-o", out],
        ["run", out, factory, "--input", x, "-o", result, "--host", "cmos45nm"],
    )
    for call in calls:
        with pytest.raises(SystemExit) as ended:
            main(["hybrid", *call])
        assert ended.value.code in (0, None)
    text = capsys.readouterr().out
    assert "LayerNorm has no exact form in NIR" in text and "Between host and chip" in text
    assert np.load(result)["add"].shape == (10, 3, 4)
