"""`neurodeploy train`: run a committed training recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def train(
    name: Annotated[str, typer.Argument(help="Network to train: vad or vad_zero.")],
    corpus: Annotated[Path, typer.Option(help="Folder made by `neurodeploy data prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights and checkpoints.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Train a network of the zoo, or continue the run in OUT."""
    from neurodeploy.zoo.train.vad import train_vad

    metrics = train_vad(corpus, name, out)
    if as_json:
        print(json.dumps(metrics))
        return
    last = metrics["history"][-1]["val"]
    print(f"{out / name}.safetensors  validation: ", end="")
    print("  ".join(f"{key} {value:.4f}" for key, value in last.items()))


command = train
