"""`neurodeploy train`: run a committed training recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def train(
    name: Annotated[
        str, typer.Argument(help="vad, digits, braille, spiking_s4, vocos_small, esc_tiny, ...")
    ],
    corpus: Annotated[
        Path,
        typer.Option(
            help="vad, enhancers, vocoders, codecs: folder of `neurodeploy data prepare`; digits: "
            "folder of the Free Spoken Digit Dataset; braille: braille_letters.npz."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights and checkpoints.")],
    held_out: Annotated[
        str | None, typer.Option(help="digits: leave this speaker out, and test on him.")
    ] = None,
    twin: Annotated[
        Path | None,
        typer.Option(help="Spiking vocoders, codecs: weights of the trained artificial twin."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="fp32; enhancers and vocoders also bf16, mixed.")
    ] = "fp32",
    start: Annotated[
        Path | None,
        typer.Option(
            help="Enhancers, codecs: weights that the recipe made, for the stage after it: on "
            "perceptual distance; adversarial."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Train a network of the zoo, or continue the run in OUT."""
    from neurodeploy.zoo.train.recipes import run_recipe

    metrics = run_recipe(
        name, corpus, out, held_out=held_out, twin=twin, precision=precision, start=start
    )
    if as_json:
        print(json.dumps(metrics))
        return
    print(out / f"{name}.safetensors")
    for which, row in (
        ("validation", metrics["history"][-1]["val"]),
        ("test", metrics.get("test")),
    ):
        if row:
            numbers = ((key, value) for key, value in row.items() if isinstance(value, int | float))
            print(f"{which:10}  " + "  ".join(f"{key} {value:.4f}" for key, value in numbers))


command = train
