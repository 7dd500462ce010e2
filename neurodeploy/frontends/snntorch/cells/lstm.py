"""SLSTM and SConv2dLSTM: LSTM cells whose output is compared with a threshold. No form in NIR."""

from __future__ import annotations

from typing import Final

import snntorch

from neurodeploy.frontends.snntorch.cells import CELLS, Refusal

_DETAIL: Final = "its gates are sigmoids that multiply its states; NIR has neither"

CELLS.register(
    "SLSTM",
    Refusal(snntorch.SLSTM, _DETAIL, "use RLeaky or RSynaptic with linear_features and retrain"),
)
CELLS.register(
    "SConv2dLSTM",
    Refusal(
        snntorch.SConv2dLSTM,
        _DETAIL,
        "use RLeaky or RSynaptic with conv2d_channels and kernel_size and retrain",
    ),
)
