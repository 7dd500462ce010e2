"""Products of gates in recurrent cells, which NeuroBench counts among the synaptic operations."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

GATES: Final = (nn.LSTMCell, nn.GRUCell)


def gate_operations(cell: nn.LSTMCell | nn.GRUCell, args: Any, out: Any) -> tuple[int, int]:
    """(effective, dense) of one call: products whose factors are not zero, and all of them.

    LSTM: f c, i g, o tanh(c'); GRU: r (W_hn h + b_hn), (1 - z) n, z h. A sigmoid is never zero.
    """
    x = args[0]
    state = args[1] if len(args) > 1 else None
    if isinstance(cell, nn.LSTMCell):
        hidden, kept = (None, None) if state is None else state
        pieces = _pieces(cell, x, hidden, 2)
        new = out[1]
        counts = [0 if kept is None else _nonzero(kept), _nonzero(pieces), _nonzero(new)]
        return sum(counts), 3 * new.numel()
    pieces = _pieces(cell, x, state, 2)
    recurrent = _pieces(cell, None, state, 2, out.shape)
    counts = [_nonzero(recurrent), _nonzero(pieces), 0 if state is None else _nonzero(state)]
    return sum(counts), 3 * out.numel()


def _pieces(
    cell: nn.RNNCellBase, x: Tensor | None, h: Tensor | None, gate: int, shape: Any = None
) -> Tensor:
    """How many nonzero terms the sum of a gate has, `(B, H)`."""
    rows = slice(gate * cell.hidden_size, (gate + 1) * cell.hidden_size)
    terms: Any = torch.zeros(1, cell.hidden_size, dtype=torch.float64)
    if x is not None:
        terms = terms + _present(x) @ _present(cell.weight_ih[rows]).mT
        terms = terms + (0 if cell.bias_ih is None else _present(cell.bias_ih[rows]))
    if h is not None:
        terms = terms + _present(h) @ _present(cell.weight_hh[rows]).mT
    terms = terms + (0 if cell.bias_hh is None else _present(cell.bias_hh[rows]))
    return terms if shape is None else terms.expand(shape)


def _present(x: Tensor) -> Tensor:
    return (x != 0).double()


def _nonzero(x: Tensor) -> int:
    return int(torch.count_nonzero(x))
