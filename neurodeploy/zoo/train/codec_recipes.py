"""The committed recipes of the zoo's codecs, by name: zoo/train/codec.py says what for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.models.discriminators import SMALL_JUDGES, DiscriminatorConfig

REVIVED_UNTIL = 0.9  # of the steps: what is revived still has to be learned


@dataclass(frozen=True)
class CodecRecipe:
    """Everything that the trained weights depend on besides corpus; defaults: the published."""

    network: str = "esc_base"
    pretraining: int = 75_000  # of the steps, without quantization; 0: none
    steps: int = 400_000  # optimizer steps in all
    batch: int = 36  # crops a step
    samples: int = 48_000  # of a crop: 3 s
    lr: float = 1e-4  # peak learning rate without quantization
    coded_lr: float = 1e-4  # with it
    warmup: int = 0  # steps from 0 to the peak, in both stages
    cosine: bool = False  # the second stage ends at 2 % of the peak; else all is constant
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.01  # torch's default for AdamW
    clip: float = 0.5  # largest norm of the gradient
    spectrum: float = 1.0  # weights of the losses
    mel: float = 0.25
    si_sdr: float = 0.0  # of each dB that the ratio lacks; not published
    codes: float = 1.0  # of codebooks, and a quarter of it of commitment
    dropout: float = 0.75  # share of the steps with a random number of streams
    following: float = 0.0  # way that a codeword goes to a vector it codes; 0: it has a gradient
    seeding_s: float = 0.0  # of training speech whose vectors codebooks begin as; 0: at random
    reviving_every: int = 0  # steps until codewords that it leaves unused become its vectors
    counting_s: float = 600.0  # of training speech that codes are counted in, for entropy coding
    twin: str | None = None  # network that is learned from, by zoo/train/codec_distillation.py
    features: float = 0.0  # weights of what is learned from it
    latents: float = 0.0
    balancing_s: float = 0.0  # of training speech that neurons are balanced by
    seed: int = 20240329
    validate_every: int = 5_000  # steps between validations
    save_every: int = 1_000  # steps between checkpoints
    validation: int = 40  # recordings
    validation_samples: int = 48_000  # of each, from its start

    def revives(self, step: int) -> bool:
        """Whether unused codewords are replaced before this step of the second stage."""
        due = self.reviving_every and step and step % self.reviving_every == 0
        return bool(due) and step <= REVIVED_UNTIL * self.steps


BASE = CodecRecipe()
TINY = replace(
    BASE,
    network="esc_tiny",
    pretraining=400,
    steps=2_000,
    batch=6,
    samples=19_200,
    lr=3e-3,
    coded_lr=1.5e-3,
    warmup=50,
    cosine=True,
    si_sdr=0.1,
    following=0.05,
    seeding_s=60.0,
    reviving_every=150,
    validate_every=400,
    save_every=100,
)
# From the twin's weights on: its quantizers and decoder stay, so that nothing of theirs is left,
# and no loss of speech or of codes.
SPIKING = replace(
    TINY,
    network="spiking_esc_tiny",
    pretraining=0,
    steps=1_000,
    batch=3,
    lr=1e-3,
    coded_lr=1e-3,
    spectrum=0.0,
    mel=0.0,
    si_sdr=0.0,
    codes=0.0,
    dropout=0.0,
    following=0.0,
    seeding_s=0.0,
    reviving_every=0,
    twin="esc_tiny",
    features=1.0,
    latents=1.0,
    balancing_s=20.0,
)
RECIPES = {
    "esc_base": BASE,
    "esc_large": replace(BASE, network="esc_large"),
    "esc_tiny": TINY,
    "esc_tiny_no_pretraining": replace(TINY, pretraining=0),
    "spiking_esc_tiny": SPIKING,
    "spiking_esc_t1": replace(SPIKING, network="spiking_esc_t1"),
    "spiking_esc_t4": replace(SPIKING, network="spiking_esc_t4"),
}


@dataclass(frozen=True)
class AdversarialRecipe(CodecRecipe):
    """The stage after a recipe, against judges; weights as published, sums over discriminators."""

    judges: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    judges_lr: float = 1e-4  # peak learning rate
    judges_clip: float = 10.0  # largest norm of their gradient
    deception: float = 1.0  # weight of what the judges tell apart
    judged_features: float = 2.0  # of what they hear


def codec_recipe(name: str, *, started: bool) -> CodecRecipe:
    """The committed recipe of a codec, or that of the adversarial stage after it.

    ConfigError for such a stage of a codec whose quantizers and decoder are its twin's.
    """
    recipe = RECIPES[name]
    if not started:
        return recipe
    if recipe.twin is not None:
        detail = f"{name} has its twin's decoder, which such a stage would train"
        hint = f"--start of {recipe.twin}, then --twin of what it made"
        raise ConfigError(Diagnostic("start", "network", detail, hint))
    return adversarial_stage(recipe)


def adversarial_stage(recipe: CodecRecipe) -> AdversarialRecipe:
    """What follows a recipe, from its weights, on other crops.

    Published: in place of the second stage; 15 mel, no spectral loss, least squares. A term of
    SI-SDR keeps its share beside the mel loss.
    """
    tiny = recipe.network == "esc_tiny"
    kept = asdict(recipe) | {
        "pretraining": 0,
        "steps": recipe.steps // 4,
        "coded_lr": recipe.coded_lr / 3 if recipe.cosine else recipe.coded_lr,
        "clip": 1e3,
        "spectrum": 0.0,
        "mel": 15.0,
        "si_sdr": recipe.si_sdr * 15.0 / recipe.mel,
        "seed": recipe.seed + 1,
    }
    judged = AdversarialRecipe(**kept)
    # of a few hundred steps, judges must learn what the codec's own rate has to follow
    return replace(judged, judges=SMALL_JUDGES, judges_lr=1e-3) if tiny else judged
