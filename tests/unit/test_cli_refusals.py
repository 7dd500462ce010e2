"""Options, outputs and factories that cannot work: one clear line each, no file left behind."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.files import write_trace
from neurodeploy.pipeline import load
from neurodeploy.pipeline import run as run_program
from neurodeploy.resources import resource
from tests.unit.test_cli import DT, compiled, files, refused, run, work
from tests.unit.test_files import small_graph

__all__ = ["work"]  # the fixture


def swap(folder, chip, old, new):
    """hw_configs/CHIP.toml with one value changed, as a file of its own."""
    text = resource("hw_configs", f"{chip}.toml").read_text(encoding="utf-8")
    assert old in text
    path = folder / "chip.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--bits", 0), 2, "weight_bits [range]: 0 is not in 1..8"),
        (("--bits", 9), 2, "weight_bits [range]: 9 is not in 1..8"),
        (("--bits", 1), 1, "synapse input->lif [weight-bits]: 1 bit holds no sign"),
        (("--bits", "fc=4"), 2, "weight_bits fc [name]: is no population or synapse; known: lif"),
        (("--bits", "lif=x"), 2, "--bits [form]: 'lif=x' is no number, auto, or NAME=BITS"),
        (("--bits", "lif=4,lif=5"), 2, "--bits [form]: 'lif=4,lif=5' gives a name twice"),
        (("--bits", "auto", "--tolerance", 2), 2, "tolerance [range]: 2.0 is not in 0..1"),
        (("--objective", "luck"), 2, "objective [choice]: 'luck' is not one of spikes, membrane"),
        (("--signs", "none"), 2, "signs [choice]: 'none' is not one of mixed, split"),
        (("--input-bits", 17), 2, "input_bits [range]: 17 is not in 1..16"),
        (("--margin", 0), 2, "margin [range]: 0.0"),
        (("--margin", "nan"), 2, "margin [range]: nan"),
        (("--margin", "inf"), 2, "margin [range]: inf"),
    ],
)
def test_compile_options(work, capsys, options, code, words):
    before = files(work)
    assert words in refused(capsys, compiled(work, *options), code, work, before)


def test_a_range_beside_which_the_threshold_vanishes(work, capsys):
    before = files(work)
    assert compiled(work, "--margin", 1e6) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error: neuron lif [rounds-to-zero]: vth = 1; ")
    assert second.startswith("error: neuron lif [rounds-to-zero]: every weight that leads to it; ")
    assert files(work) == before


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.zeros((9, 3)), (), "[calibration]: calibration input is all zero"),
        (-np.ones((9, 3)), ("--input-bits", 1), "[input-bits]: 1 bit holds no sign"),
    ],
)
def test_calibration_that_says_too_little(work, capsys, values, options, words):
    np.save(work / "x.npy", values)
    before = files(work)
    assert words in refused(capsys, compiled(work, *options), 1, work, before)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[limits.vth_bits]\nvalue = 17", "[limits.vth_bits]\nvalue = 9", "vth_bits is 9"),
        ('source = "lava"', 'source = ""', "[hardware-entry]: source is empty"),
        (
            "[limits.message_bits]\nvalue = 24",
            "[limits.message_bits]\nvalue = 4",
            "8 exceeds the 4",
        ),
    ],
)
def test_a_chip_that_the_compiler_cannot_serve(work, capsys, old, new, words):
    chip = swap(work, "loihi2", old, new)
    before = files(work)
    assert words in refused(capsys, compiled(work, "--hw", chip), 2, work, before)


def test_names_that_would_overwrite_something_else(work, capsys):
    before, graph = files(work), (work / "net.nir").read_bytes()
    for arguments in (
        ("compile", work / "net.nir", "--calibrate", work / "x.npy", "-o", work / "net.nir"),
        (
            *("compile", work / "net.nir", "--calibrate", work / "x.npy"),
            *("-o", work / "net.ndp", "--netx", work / "net.nir"),
        ),
        ("run", work / "net.nir", "--input", work / "x.npy", "-o", work / "net.nir"),
        ("bench", work / "net.nir", "--input", work / "x.npy", "-o", work / "net.nir"),
    ):
        error = refused(capsys, run(*arguments), 2, work, before)
        if arguments[0] == "run":  # NIRData is called .nir, too
            assert "net.nir [output]: a file stands there that holds no NIRData" in error
        else:
            assert "net.nir [suffix]: the name of a" in error
    assert (work / "net.nir").read_bytes() == graph


def test_outputs_that_cannot_be_written(work, capsys):
    (work / "folder.npz").mkdir()
    before = files(work)
    for target in (work / "folder.npz", work / "x.npy" / "t.npz"):
        code = run("run", work / "net.nir", "--input", work / "x.npy", "-o", target)
        assert "[output]: cannot be written" in refused(capsys, code, 2, work, before)


def test_hardware_list(work, capsys):
    before = files(work)
    arguments = ("bench", work / "net.nir", "--input", work / "x.npy", "-o", work / "r.json")
    error = refused(capsys, run(*arguments, "--hw", " ,"), 2, work, before)
    assert "--hw [choice]" in error
    assert run(*arguments, "--hw", "loihi1, loihi2") == 0


def test_results_with_a_nan(work, capsys):
    pytest.importorskip("jinja2")
    path = work / "r.json"
    assert run("bench", work / "net.nir", "--input", work / "x.npy", "-o", path) == 0
    text = path.read_text(encoding="utf-8")
    assert '"dt_s": 0.001' in text
    path.write_text(text.replace('"dt_s": 0.001', '"dt_s": NaN', 1), encoding="utf-8")
    capsys.readouterr()
    before = files(work)
    error = refused(capsys, run("report", path, "-o", work / "r.html"), 2, work, before)
    assert "[results-file]: NaN is no number of JSON" in error


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("return 3", 2, "returned int, no torch.nn.Module"),
        ("import sys; sys.exit(5)", 2, "SystemExit: 5"),
        ("raise ValueError('one\\ntwo')", 2, "ValueError: one two"),
    ],
)
def test_factories(work, capsys, body, code, words):
    (work / "model.py").write_text(f"def build():\n    {body}\n")
    (work / "__pycache__").mkdir()
    before = files(work)
    factory = f"{work / 'model.py'}:build"
    given = ("--shape", "3", "--dt", DT, "-o", work / "out.nir")
    assert words in refused(capsys, run("export", factory, *given), code, work, before)


def test_a_package_that_is_not_there(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None; from neurodeploy.cli import main; "
        "main(['train', 'vad', '--corpus', 'none', '-o', 'out'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error: torch [package-missing]")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == []


def test_a_line_is_a_line():
    assert str(Diagnostic("a", "b", "c\nd", "e")) == "a [b]: c d; e"


def test_populations_may_be_called_like_anything(tmp_path):
    graph = small_graph()
    for name in ("file", "counts", "allow_pickle"):
        nodes = {name if k == "lif" else k: v for k, v in graph.nodes.items()}
        edges = [(name if a == "lif" else a, name if b == "lif" else b) for a, b in graph.edges]
        renamed = type(graph)(nodes, edges, type_check=False)
        trace = run_program(renamed, np.ones((5, 3)), dt=DT, probe="all")
        write_trace(tmp_path / "t.npz", trace)
        with np.load(tmp_path / "t.npz", allow_pickle=False) as saved:
            assert np.array_equal(saved[f"{name}/s"], trace.aligned(f"{name}/s"))
            assert '"steps": 5' in str(saved["counts"])
        assert zipfile.ZipFile(tmp_path / "t.npz").testzip() is None


def test_the_chips_state_the_widths_that_the_compiler_has():
    from neurodeploy.passes.quantize import ARITHMETIC

    for name in ("loihi1", "loihi2"):
        assert {k: load_hardware(name).limit(k) for k in ARITHMETIC} == ARITHMETIC


def test_a_compiled_program_keeps_its_dt_and_its_decays(work, capsys):
    assert compiled(work) == 0
    capsys.readouterr()
    running = ("run", work / "net.ndp", "--input", work / "x.npy", "-o", work / "t.npz", "--dt")
    before = files(work)
    words = f"dt [program]: 0.002 s given, net.ndp runs steps of {DT:g} s; leave it out"
    assert words in refused(capsys, run(*running, 0.002), 2, work, before)
    assert "[positive]" in refused(capsys, run(*running, -1), 2, work, before)
    assert run(*running, DT) == 0
    program = load(work / "net.ndp", None)
    assert load(program, DT) is program
    with pytest.raises(ConfigError, match=rf"dt \[program\]: 1 s given, {program.name} runs"):
        load(program, 1.0)
    with pytest.raises(ConfigError, match=r"exact_decay given, the decays of net.ndp are computed"):
        load(work / "net.ndp", None, "exact_decay")
