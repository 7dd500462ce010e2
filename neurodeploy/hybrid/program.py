"""HybridProgram: parts of a network in an order in which each finds its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from neurodeploy.errors import Diagnostic
from neurodeploy.ir.program import Program

if TYPE_CHECKING:
    from torch.fx import GraphModule

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ChipPart:
    """`program` has a port named like each value of `inputs`; `outputs` names the population that
    sends each value."""

    name: str
    program: Program
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class HostPart:
    """`module` computes one step from `inputs`; reasons: for each node why the chip has it not."""

    name: str
    module: GraphModule
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[str, ...]
    reasons: Mapping[str, tuple[Diagnostic, ...]]


Part: TypeAlias = "ChipPart | HostPart"


@dataclass(frozen=True)
class HybridProgram:
    """One step of `dt` seconds takes `inputs` (with shapes) and gives the values `outputs`.

    Every value between parts is named after what computes it in the module's forward();
    fingerprint: of what that calls.
    """

    name: str
    dt: float
    inputs: Mapping[str, Shape]
    parts: tuple[Part, ...]
    outputs: tuple[str, ...]
    fingerprint: str

    @property
    def chip_parts(self) -> tuple[ChipPart, ...]:
        return tuple(p for p in self.parts if isinstance(p, ChipPart))

    @property
    def host_parts(self) -> tuple[HostPart, ...]:
        return tuple(p for p in self.parts if isinstance(p, HostPart))

    @property
    def source(self) -> dict[str, str]:
        """The part that each value comes from; "input" for those from outside."""
        made = {value: part.name for part in self.parts for value in part.outputs}
        return dict.fromkeys(self.inputs, "input") | made

    @property
    def starts(self) -> dict[str, int]:
        """Step at which each part begins with its first input: its slowest input has come then.
        A chip part adds the latency of its populations, a host part none."""
        late = dict.fromkeys(self.inputs, 0)
        found = {}
        for part in self.parts:
            found[part.name] = start = max((late[v] for v in part.inputs), default=0)
            if isinstance(part, ChipPart):
                latency = part.program.latency
                late |= {v: start + latency[n] for v, n in part.outputs.items()}
            else:
                late |= dict.fromkeys(part.outputs, start)
        return found | {"output": max(late[v] for v in self.outputs)}

    @property
    def latency(self) -> int:
        """Steps between an input and the output that belongs to it."""
        return self.starts["output"]
