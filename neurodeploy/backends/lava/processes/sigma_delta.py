"""Lava's sigma-delta processes, recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.proc.sdn.models import PyDeltaModelFixed, PySigmaDeltaModelFixed, PySigmaModelFixed

from neurodeploy.backends.lava.processes.recording import Recorded


class _Sent(Recorded):
    """Keeps the message as well, which Lava's models only send."""

    state_exp: Any

    def delta_dynamics(self, act_data: Any) -> Any:
        message = super().delta_dynamics(act_data)  # type: ignore[misc]  # of Lava's model
        self.s_out_buff = np.right_shift(message, self.state_exp)
        return message


class RecordedSigmaDelta(_Sent, PySigmaDeltaModelFixed):
    """Lava's fixed-point SigmaDelta, unchanged."""

    restarts = ("sigma", "act", "residue")


class RecordedDelta(_Sent, PyDeltaModelFixed):
    """Lava's fixed-point Delta, unchanged."""

    restarts = ("act", "residue")


class RecordedSigma(Recorded, PySigmaModelFixed):
    """Lava's fixed-point Sigma, unchanged."""

    restarts = ("sigma",)
