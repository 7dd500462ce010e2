from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("snntorch")

from neurodeploy.zoo.audio.mel import log_mel  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig, spiking_vocos  # noqa: E402
from neurodeploy.zoo.models.vocoders import MEL_16K  # noqa: E402
from neurodeploy.zoo.models.vocos import Vocoder, VocosConfig, vocos  # noqa: E402
from neurodeploy.zoo.vocoder_stream import (  # noqa: E402
    MelStream,
    VocoderStream,
    vocode_mel,
    vocode_stream,
)

SIZE = {"mel": MEL_16K, "width": 32, "hidden": 48, "blocks": 2}


def lively(vocoder: Vocoder) -> Vocoder:
    """Untrained weights so large that neurons fire and phases turn."""
    torch.manual_seed(0)
    for parameter in vocoder.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return vocoder.eval()


def networks() -> list[Vocoder]:
    return [
        lively(make)
        for make in (vocos(VocosConfig(**SIZE)), spiking_vocos(SpikingVocosConfig(**SIZE)))
    ]


def recording(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [321, 800, 3_999, 12_345])
def test_a_stream_in_any_pieces_is_the_whole_recording(samples: int) -> None:
    x = recording(samples)
    rng = np.random.default_rng(1)
    for vocoder in networks():
        with torch.no_grad():
            whole = vocoder(vocoder.features(torch.from_numpy(x[None]))).audio[0].numpy()
        assert whole.size == samples // 160 * 160
        for most in (100, 5_000):
            cuts = np.cumsum(rng.integers(1, most, size=samples))
            chunks = np.split(x, cuts[cuts < samples])
            streamed = np.concatenate(list(vocode_stream(VocoderStream(vocoder), chunks)))
            assert streamed.shape == whole.shape
            np.testing.assert_allclose(streamed, whole, atol=1e-3 * np.abs(whole).max())


def test_mel_frames_of_a_stream_are_those_of_the_recording() -> None:
    x = torch.from_numpy(recording(5_000))
    stream = MelStream(MEL_16K)
    pieces = [*(stream.push(piece) for piece in x.split(777)), stream.finish()]
    torch.testing.assert_close(torch.cat(pieces, dim=-1), log_mel(x[None], MEL_16K))
    reflected = torch.stft(
        x[None].double(), 640, 160, window=torch.hann_window(640).double(), return_complex=True
    )
    assert log_mel(x[None], MEL_16K).shape[-1] == reflected.shape[-1]


def test_mel_frames_in_are_samples_out() -> None:
    vocoder = networks()[0]
    mel = torch.randn(1, 100, 30)
    with torch.no_grad():
        whole = vocoder(mel).audio[0].numpy()
    out = np.concatenate(list(vocode_mel(VocoderStream(vocoder), mel[0].T.numpy(), frames=7)))
    assert out.size == 29 * 160
    np.testing.assert_allclose(out, whole, atol=1e-3 * np.abs(whole).max())


def test_no_sample_leaves_later_than_stated() -> None:
    vocoder = networks()[0]
    stream, x = VocoderStream(vocoder), recording(8_000)
    latency = round(stream.latency_s * 16_000)
    assert latency == 640 + 9 * 160
    heard = left = 0
    for hop in np.split(x, 50):
        heard, left = heard + hop.size, left + stream.hear(hop).size
        assert left > heard - latency - 160
