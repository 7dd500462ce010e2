"""What is asserted of every network in exports/."""

from __future__ import annotations

import json
from typing import Any

import nir
import numpy as np

from neurodeploy import pipeline
from neurodeploy.ir.program import Program
from neurodeploy.resources import resource


def assert_equal_graphs(shipped: nir.NIRGraph, ours: nir.NIRGraph, rounding: float = 0.0) -> None:
    """Edge for edge and number for number; `rounding` where numbers are made by exp or cos, which
    differ in their last bits from processor to processor."""
    assert set(shipped.edges) == set(ours.edges)
    for name, node in ours.nodes.items():
        for key, value in vars(node).items():
            if isinstance(value, np.ndarray):
                theirs = getattr(shipped.nodes[name], key)
                np.testing.assert_allclose(
                    theirs, value, rtol=rounding, atol=rounding, err_msg=f"{name}.{key}"
                )


def assert_training_is_told(file: str, model: Any) -> None:
    """`file`.metrics.json is of those weights, trained to the end of their recipe."""
    text = resource("exports", file.replace("safetensors", "metrics.json")).read_text("utf-8")
    metrics = json.loads(text)
    assert metrics["variant"] == file.split(".")[0]
    assert metrics["parameters"] == sum(p.numel() for p in model.parameters())
    assert metrics["history"][-1]["step"] == metrics["recipe"]["steps"]


def assert_equal_outputs(shipped: Program, anew: Program, levels: Any) -> None:
    ours, theirs = (pipeline.run(p, levels, backend="cpu").output for p in (shipped, anew))
    assert np.array_equal(ours, theirs) and np.ptp(ours) > 0


def assert_lavas(fixed: Program, levels: Any) -> None:
    """Lava gives the output integers of cpu."""
    ours = pipeline.run(fixed, levels, backend="cpu")
    in_time = pipeline.to_hardware_time(fixed, pipeline.chip_of("loihi2"), levels)
    late = pipeline.run(in_time, levels, backend="lava")
    out = late.program.outputs[0]
    assert np.array_equal(ours.aligned(out), late.aligned(out)) and np.ptp(ours.output) > 0
