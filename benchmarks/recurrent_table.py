"""docs/recurrent.md, made of what benchmarks/recurrent.py measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "recurrent.json"
TABLE = Path(__file__).parents[1] / "docs" / "recurrent.md"
HEAD = """# A recurrent network with time constants far above dt

12 inputs, 38 recurrent CubaLIF, 7 CubaLIF outputs; tau_mem 2 to 6 ms, tau_syn 1 to 4 ms, each
neuron its own, dt = 0.1 ms, threshold 1; 256 steps of random input spikes, 16 samples, mean of
{seeds} networks. Weights have 8 bits (7 and a sign). The scales, and calibrated rounding, saw other
random spikes than those compared here with float64.

*excitatory*: weights uniform from -0.3 (in), -1 (back) or -0.5 (out) to 1, over the root of the
number of inputs; *torch*: from -4 to 4 over that root, as torch.nn.Linear starts, times 4, below
which hardly an output spikes. *equal*: output elements (step, neuron, sample), spikes and silences,
that are alike, a share that few spikes flatter; *in step*, *±1*, *±2*: of the single output spikes
in float64 those that the other network sends in the same step, or at most so many steps from it.

"""
FOOT = """
*rounded decays* and *calibrated weights*: float64 with only these taken from the integers. *weights
off by*: float64 with each weight changed by a random share of itself, of this standard deviation:
what the network itself makes of an error, whoever makes it.

## What limits the rest

- **The network.** Threshold and reset turn a small error of v into a spike that comes a step late,
  and it stays late; recurrence hands it on. With every weight exact to one in a thousand, which
  takes some 9 bits and a sign, 96 to 97 % of the elements are equal at 5 to 6 % output spikes, and
  to one in ten thousand 99 %. That is beyond 8 bits. Calibrated rounding brings the excitatory
  networks to where errors of one in a thousand bring them, the nearest to one in a hundred. At
  0.5 % output spikes 99 % is reached with any rounding, as nearly all elements are silences.
- **The state.** A membrane sums over tau_syn/dt times tau_mem/dt steps, about a thousand, so that
  24 bits leave each input few integers: weight exponents are about 1 (excitatory) and -1 or -2
  (torch), where each sum drops its fraction. There v goes down to -30 to -50 thresholds, and the
  room for that is taken from the weights; finer ones (signs split) are mostly lost in the floor
  of the sum. In step, calibrated rounding still wins a little; of all elements 0.2 % less are
  equal at 15 % input spikes.
- **Decays of 12 bits** are wrong by up to 0.7 % where tau is 60 dt; alone they take a third to
  three fifths of the spikes out of their step. Calibrated weights make up for a part of it: the
  excitatory integers are nearer to float64 than float64 with their decays is.
"""
NOTE = "Made by `python -m benchmarks.recurrent` ({date})."


def table(results: dict[str, Any]) -> str:
    """The document: one table for all regimes."""
    regimes = results["results"]
    measures = list(next(iter(regimes[0]["rows"].values())))
    columns = ("weights", "input spikes", "output spikes", "compared with float64")
    named = [f"±{m[2:]}" if m.startswith("+-") else m for m in measures]
    lines = [_row([*columns, *named]), _row(["---"] * (len(columns) + len(measures)))]
    for regime in regimes:
        about = (
            regime["weights"],
            f"{100 * regime['input_rate']:.0f} %",
            f"{100 * regime['output_rate']:.1f} %",
        )
        lines += [
            _row([*about, name, *(f"{100 * row[m]:.1f} %" for m in measures)])
            for name, row in regime["rows"].items()
        ]
    date = results["provenance"]["created"][:10]
    head = HEAD.format(seeds=regimes[0]["seeds"])
    return head + "\n".join(lines) + "\n" + FOOT + "\n" + NOTE.format(date=date) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
