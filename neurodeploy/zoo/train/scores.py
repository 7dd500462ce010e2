"""A trained detector in torch, as a function from features to scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from neurodeploy.zoo.models.vad import VARIANTS
from neurodeploy.zoo.train.checkpoint import load_weights


def torch_score(
    variant: str, weights: Path
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]:
    """The network in float32: features (T, B, n_mels) to the read-out (T, B, 1)."""
    model = VARIANTS[variant]()
    load_weights(weights, model)

    def score(x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        with torch.no_grad():
            return np.asarray(model(torch.from_numpy(x)).numpy())

    return score
