"""The zoo's networks by name: whose recipe runs, with which data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.models.enhancers import ENHANCERS
from neurodeploy.zoo.models.vad import VARIANTS
from neurodeploy.zoo.models.vocoders import VOCODERS
from neurodeploy.zoo.train.classifiers import CLASSIFIERS, train_classifier
from neurodeploy.zoo.train.codec import train_codec
from neurodeploy.zoo.train.codec_recipes import RECIPES as CODECS
from neurodeploy.zoo.train.enhancement import train_enhancer
from neurodeploy.zoo.train.vad import train_vad
from neurodeploy.zoo.train.vocoding import train_vocoder

NAMES = (*VARIANTS, *CLASSIFIERS, *ENHANCERS, *VOCODERS, *CODECS)


def run_recipe(
    name: str,
    corpus: Path,
    out: Path,
    *,
    held_out: str | None = None,
    twin: Path | None = None,
    precision: str = "fp32",
    start: Path | None = None,
) -> dict[str, Any]:
    """Train a network, or continue the run in `out`; its metrics. Progress on stderr.

    twin: weights of the trained artificial network, for spiking vocoders and codecs; precision:
    fp32 or, of enhancers and vocoders, bf16; start: weights of an enhancer's or codec's recipe, for
    the stage after it.
    Raises ConfigError for an unknown name, or a held-out speaker, a twin, a precision or a stage
    where there is none.
    """
    if name not in NAMES:
        detail = f"{name!r} is not one of {', '.join(NAMES)}"
        raise ConfigError(Diagnostic("train", "variant-unknown", detail))
    if held_out is not None and name != "digits":
        detail = f"only digits have speakers to hold out, not {name}"
        raise ConfigError(Diagnostic("held_out", "data-set", detail))
    if twin is not None and name not in (*VOCODERS, *CODECS):
        detail = f"only vocoders and codecs learn from one, not {name}"
        raise ConfigError(Diagnostic("twin", "network", detail))
    if precision != "fp32" and name not in (*ENHANCERS, *VOCODERS):
        detail = f"{name} trains in fp32; enhancers and vocoders also in bf16"
        raise ConfigError(Diagnostic("precision", "network", detail))
    if start is not None and name not in (*ENHANCERS, *CODECS):
        detail = f"only enhancers and codecs have a stage after their recipe, not {name}"
        raise ConfigError(Diagnostic("start", "network", detail))
    if name in CLASSIFIERS:
        return train_classifier(name, corpus, out, held_out=held_out)
    if name in ENHANCERS:
        return train_enhancer(name, corpus, out, precision, start)
    if name in CODECS:
        return train_codec(name, corpus, out, twin=twin, start=start)
    if name in VOCODERS:
        return train_vocoder(name, corpus, out, twin, precision)
    return train_vad(corpus, name, out)
