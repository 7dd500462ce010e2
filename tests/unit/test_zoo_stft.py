from __future__ import annotations

import numpy as np
import pytest

from neurodeploy.errors import ConfigError
from neurodeploy.zoo.audio.stft import StftConfig, StreamingStft

torch = pytest.importorskip("torch")

from neurodeploy.zoo.audio.torch_stft import Stft  # noqa: E402

CONFIGS = (StftConfig(), StftConfig(shape="sqrt_hann"), StftConfig(256, 32, "sqrt_hann"))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("samples", [1, 127, 128, 1000, 4096])
def test_synthesis_inverts_analysis_from_the_first_sample_to_the_last(
    config: StftConfig, samples: int
) -> None:
    x = np.random.default_rng(samples).normal(size=(2, samples))
    stft = Stft(config)
    spectrum = stft.analysis(torch.from_numpy(x))
    assert spectrum.shape == (2, stft.frames(samples), config.bins)
    assert np.abs(stft.synthesis(spectrum, samples).numpy() - x).max() < 1e-12


@pytest.mark.parametrize("config", CONFIGS)
def test_frames_are_those_of_torch(config: StftConfig) -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 8 * config.window)))
    window = torch.from_numpy(config.taper())
    theirs = torch.stft(
        x, config.window, config.hop, window=window, center=False, return_complex=True
    )
    ours = Stft(config).analysis(x)[:, config.overlap - 1 :][:, : theirs.shape[-1]]
    assert (ours - theirs.mT).abs().max() < 1e-12


@pytest.mark.parametrize("config", CONFIGS)
def test_a_stream_is_the_whole_recording_hop_by_hop(config: StftConfig) -> None:
    hops = 25
    x = np.random.default_rng(1).normal(size=hops * config.hop)
    stft, stream = Stft(config), StreamingStft(config)
    whole = stft.analysis(torch.from_numpy(x[None]))
    changed = whole * torch.linspace(0.0, 2.0, config.bins)  # a mask
    out = stft.synthesis(changed, x.size)[0].numpy()
    silence = np.zeros(config.hop)
    heard = [*x.reshape(hops, config.hop), *[silence] * (config.overlap - 1)]
    for n, hop in enumerate(heard):
        assert np.abs(stream.analyse(hop) - whole[0, n].numpy()).max() < 1e-12
        done = stream.synthesise(changed[0, n].numpy())
        first = (n - config.overlap + 1) * config.hop
        wanted = out[first : first + config.hop] if first >= 0 else done
        assert np.abs(done - wanted).max() < 1e-12


def test_transforms_without_an_inverse_are_refused() -> None:
    with pytest.raises(ConfigError) as error:
        StftConfig(512, 200, "kaiser")
    assert [d.rule for d in error.value.diagnostics] == ["overlap", "window-unknown"]


def test_mel_bands_are_those_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    from neurodeploy.zoo.audio.mel import MelConfig, triangles

    for config in (MelConfig(), MelConfig(16_000, 512, 128, 40)):
        theirs = librosa.filters.mel(
            sr=config.sample_rate, n_fft=config.window, n_mels=config.bands, htk=True, norm=None
        )
        assert np.abs(triangles(config) - theirs).max() < 1e-6


def test_mel_bands_share_every_frequency_between_them() -> None:
    from neurodeploy.zoo.audio.mel import MelConfig, log_mel, triangles

    config = MelConfig(window=4096)
    bands = triangles(config)
    inner = slice(bands[0].argmax() + 1, bands[-1].argmax())
    assert np.abs(bands.sum(axis=0)[inner] - 1.0).max() < 1e-9 and (bands >= 0).all()
    hz = 3000.0
    x = torch.sin(2 * torch.pi * hz * torch.arange(12_000) / 24_000).double()
    found = log_mel(x[None])
    assert found.shape == (1, 100, 12_000 // 256 + 1)
    loudest = triangles(MelConfig())[found[0, :, 20].argmax()].argmax() * 24_000 / 1024
    assert abs(loudest - hz) < 60.0
