"""What `read_netx` and `write_netx` make of every example, and the tables of that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from neurodeploy.backends.lava.netx import netx_problems
from neurodeploy.errors import Diagnostic, NeurodeployError
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir.program import Program
from tests.conformance.netx_table.examples import EXAMPLES, Example
from tests.conformance.netx_table.files import write
from tests.conformance.netx_table.unsayable import UNSAYABLE

DT = 1e-3


@dataclass(frozen=True)
class Outcome:
    """`program` is None and `said` names the rules where the file is refused; `unwritten` is why
    `write_netx` refuses what was read."""

    program: Program | None
    said: str = ""
    unwritten: str = ""


def outcome(example: Example, path: Path) -> Outcome:
    """Writes the example's file to `path` and reads it."""
    try:
        program = read_netx(write(path, example.layers), dt=DT)
    except NeurodeployError as error:
        return Outcome(None, reasons(error.diagnostics))
    return Outcome(program, unwritten=reasons(netx_problems(program)))


def reasons(problems: list[Diagnostic]) -> str:
    return "; ".join(
        f"`{d.rule}`: {d.detail}" + (f"; {d.hint}" if d.hint else "") for d in problems[:1]
    )


def unsayable_table() -> str:
    """What `write_netx` says of every Program that netx cannot say, as Markdown."""
    lines = ["| Program | refused |", "| --- | --- |"]
    for case in UNSAYABLE:
        lines.append(f"| {case.what} | {reasons(netx_problems(case.program))} |")
    return "\n".join(lines) + "\n"


def table() -> str:
    """All outcomes as Markdown."""
    head = ("| layer or neuron | option | read as | checked by | written again |",)
    lines = [*head, "| --- | --- | --- | --- | --- |"]
    with TemporaryDirectory() as folder:
        for example in EXAMPLES:
            found = outcome(example, Path(folder) / "a.net")
            read = (f"refused: {found.said}", "", "")
            if found.program is not None:
                oracle = "slayer" if example.slayer else "lava-dl on Lava"
                again = f"refused: {found.unwritten}" if found.unwritten else "yes"
                read = (example.becomes, oracle, again)
            cells = (example.part, example.option, *read)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"
