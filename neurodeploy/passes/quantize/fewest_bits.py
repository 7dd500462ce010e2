"""The fewest weight bits with which the whole network keeps within a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neurodeploy.errors import QuantizationError
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize.weights import signs_of


def fewest_bits(
    program: Program, widest: int, within: Callable[[Mapping[str, int]], bool]
) -> dict[str, int]:
    """Weight bits by synapse, the same for all that lead to a population.

    All populations go down together, bit by bit, while the network keeps within the tolerance;
    then each by itself, those of the most weights first. What is returned was measured; where not
    even the widest keep within it, they are.
    """
    least = {
        n.name: 1 + any(signs_of(s.weight_values) == 2 for s in program.incoming(n.name))
        for n in program.neurons
    }

    def measured(widths: Mapping[str, int]) -> bool:
        try:
            return within({s.name: widths[s.target] for s in program.synapses})
        except QuantizationError:  # so few bits that nothing is left
            return False

    widths = dict.fromkeys(least, widest)
    if measured(widths):
        for width in range(widest - 1, 0, -1):
            fewer = {name: max(width, least[name]) for name in least}
            if fewer == widths or not measured(fewer):
                break
            widths = fewer
        for name in sorted(least, key=lambda name: -_weights(program, name)):
            while widths[name] > least[name]:
                fewer = {**widths, name: widths[name] - 1}
                if not measured(fewer):
                    break
                widths = fewer
    return {s.name: widths[s.target] for s in program.synapses}


def _weights(program: Program, name: str) -> int:
    return sum(s.weight_values.size for s in program.incoming(name))
