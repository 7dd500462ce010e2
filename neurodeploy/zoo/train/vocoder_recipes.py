"""The committed recipes of the zoo's vocoders, by name: zoo/train/vocoding.py says what for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from neurodeploy.zoo.models.discriminators import SMALL_JUDGES, DiscriminatorConfig
from neurodeploy.zoo.train.distillation import DistillationRecipe


@dataclass(frozen=True)
class VocoderRecipe:
    """Everything that the trained weights depend on besides network, corpus and twin."""

    steps: int = 1_000_000  # optimizer steps, of generator and discriminators each
    batch: int = 16  # crops per step
    samples: int = 16_384  # of a crop
    lr: float = 5e-4  # peak learning rate
    judges_lr: float = 5e-4  # of the discriminators
    warmup: int = 0  # steps from 0 to the peak
    betas: tuple[float, float] = (0.8, 0.9)
    clip: float = 1e3  # largest norm of a gradient: a guard that published trainings lack
    mel: float = 45.0  # weight of the mel loss
    resolutions: bool = False  # mel spectra of several windows, or the network's own alone
    phase: float = 0.0  # weight of the phases of the recording's own spectrum
    adversarial_from: int = 0  # step at which the discriminators begin
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    window_weight: float = 0.1  # of the MRD's terms; the MPD's have 1
    distillation: DistillationRecipe | None = None  # None: no teacher
    warm_start: bool = False  # begin with the twin's weights
    sources: tuple[str, ...] = ()  # of the corpus; all where there are none
    seed: int = 4444
    validate_every: int = 5_000  # steps between validations
    save_every: int = 1_000  # steps between checkpoints
    validation: int = 16  # recordings
    validation_samples: int = 48_384  # of each, from its start

    @property
    def judging(self) -> VocoderRecipe:
        """The discriminators' schedule: over their own steps."""
        return replace(self, steps=self.steps - self.adversarial_from, lr=self.judges_lr)


# Two cores train all in an afternoon. Judged at the end only, when the learning rate is low: a
# judged step takes six times one that is not.
SMALL = VocoderRecipe(
    steps=16_000,
    batch=8,
    samples=8_192,
    lr=1e-3,
    warmup=200,
    resolutions=True,
    adversarial_from=15_200,
    discriminators=SMALL_JUDGES,
    validate_every=1_000,
    save_every=200,
)
SPIKING = replace(SMALL, steps=3_600, adversarial_from=3_450, warm_start=True)
RECIPES = {
    "vocos": VocoderRecipe(),
    "spiking_vocos": VocoderRecipe(distillation=DistillationRecipe()),
    "vocos_16k": VocoderRecipe(),
    "spiking_vocos_16k": VocoderRecipe(distillation=DistillationRecipe()),
    "spiking_vocos_loihi": VocoderRecipe(),
    "vocos_small": SMALL,
    "spiking_vocos_loihi_small": replace(SMALL, steps=6_000, adversarial_from=5_850),
    "spiking_vocos_small_distilled": replace(SPIKING, distillation=DistillationRecipe()),
    "spiking_vocos_small_distilled_no_shift": replace(SPIKING, distillation=DistillationRecipe()),
}


def vocoder_recipe(name: str) -> VocoderRecipe:
    """The committed recipe of a vocoder."""
    return RECIPES.get(name, SPIKING)
