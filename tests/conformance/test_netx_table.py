"""Every row of docs/netx.md: run against lava-dl's Network on Lava, or refused by name; what is
written again reads as the same Program. slayer's own rows are in test_netx_slayer.py."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.backends import lava
from neurodeploy.backends.lava.netx import netx_problems, write_netx
from neurodeploy.errors import UnsupportedPrimitive
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir.program_file import read_program, write_program
from neurodeploy.ir.verify import verify_program
from tests.conformance.netx_table.examples import EXAMPLES, Example
from tests.conformance.netx_table.outcomes import outcome
from tests.conformance.netx_table.unsayable import UNSAYABLE, Unsayable
from tests.conformance.test_netx_slayer import NETWORKS
from tests.netx_on_lava import assert_lava_computes_the_same
from tests.netx_programs import assert_same

pytest.importorskip("torch", reason="lava-dl's loader needs torch")
STEPS, BATCH = 40, 2


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.part} {e.option}".strip())
def test_an_example_is_exact_or_refused(
    example: Example, session: lava.Session, tmp_path: Path
) -> None:
    path = tmp_path / "a.net"
    found = outcome(example, path)
    if found.program is None:
        assert "`: " in found.said
        assert not example.becomes
        return
    program = found.program
    write_program(tmp_path / "a.ndp", program)
    assert_same(read_program(tmp_path / "a.ndp"), program)
    if found.unwritten:
        with pytest.raises(UnsupportedPrimitive):
            write_netx(tmp_path / "again.net", program)
    else:
        write_netx(tmp_path / "again.net", program)
        assert_same(read_netx(tmp_path / "again.net"), program)
    if example.slayer:
        assert example.slayer in NETWORKS
        return
    low, high = program.inputs[0].limits
    rng = np.random.default_rng(1)
    shape = (STEPS, BATCH, *program.inputs[0].shape)
    x = rng.integers(max(low, -60), min(high, 60) + 1, shape) * (rng.random(shape) < 0.6)
    trace = assert_lava_computes_the_same(path, program, x, session)
    assert all(np.ptp(values) for values in trace.outputs.values())


@pytest.mark.parametrize("case", UNSAYABLE, ids=lambda case: case.what)
def test_what_netx_cannot_say_is_refused(case: Unsayable, tmp_path: Path) -> None:
    verify_program(case.program)
    with pytest.raises(UnsupportedPrimitive, match=r"\[netx-"):
        write_netx(tmp_path / "a.net", case.program)
    assert not list(tmp_path.iterdir())


def test_every_rule_of_the_writer_has_its_program() -> None:
    source = Path(netx_problems.__code__.co_filename).parent
    texts = [(source / f"{name}.py").read_text() for name in ("netx_problems", "netx_layers")]
    rules = {rule for text in texts for rule in re.findall(r'"(netx-[a-z-]+)"', text)}
    assert rules == {d.rule for case in UNSAYABLE for d in netx_problems(case.program)}
