from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
snntorch = pytest.importorskip("snntorch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from neurodeploy.errors import ConfigError  # noqa: E402
from neurodeploy.zoo.models.plif import Plif, PlifSteps  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos import (  # noqa: E402
    SpikingVocosBackbone,
    SpikingVocosConfig,
    decayed_sum,
    shifted,
    spiking_vocos,
)
from neurodeploy.zoo.models.vocoders import MEL_16K, VOCODERS  # noqa: E402
from neurodeploy.zoo.models.vocos import FrameConv, VocosConfig, vocos  # noqa: E402

TINY = {"mel": MEL_16K, "width": 32, "hidden": 48, "blocks": 2}


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_published_sizes_part_by_part() -> None:
    for name, total, block, first_norm in (
        ("vocos", 13_531_650, 1_580_544, 1_024),
        ("spiking_vocos", 13_530_650, 1_580_544 + 3, 0),
    ):
        model = VOCODERS[name]()
        backbone = model.backbone
        assert count(backbone.embed) == 512 * 100 * 7 + 512
        assert [count(b) for b in backbone.blocks] == [block] * 8
        assert count(backbone.norm) == 1_024 and count(model.head) == 513 * 1026
        assert count(model) == total
        assert total == 358_912 + first_norm + 8 * block + 1_024 + 526_338


def test_every_vocoder_gives_as_many_samples_as_its_frames_have() -> None:
    for name, make in VOCODERS.items():
        if "small" in name:
            spoken = make().eval()(torch.randn(1, 100, 5))
            assert spoken.audio.shape == (1, 4 * 160)
            assert spoken.magnitude.shape == spoken.phase.shape == (1, 5, 321)


@pytest.mark.parametrize(
    ("options", "rule"),
    [({"shortcut": "squared"}, "shortcut-unknown"), ({"width": 40}, "folds"), ({"steps": 0}, "s")],
)
def test_impossible_networks_are_refused(options: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SpikingVocosConfig(**options)  # type: ignore[arg-type]
    assert caught.value.diagnostics[0].rule.startswith(rule)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 8), st.floats(-3, 3), st.integers(0, 2**31))
def test_plif_is_snntorchs_leaky_over_steps(steps: int, w: float, seed: int) -> None:
    x = 3 * torch.randn(steps, 4, 9, generator=torch.Generator().manual_seed(seed))
    plif = PlifSteps()
    torch.nn.init.constant_(plif.w, w)
    gain = torch.sigmoid(plif.w).detach()
    leaky = snntorch.Leaky(beta=1 - gain, threshold=1.0, reset_mechanism="zero")
    membrane = leaky.reset_mem()
    for now, spikes in zip(gain * x, plif(x), strict=True):
        expected, membrane = leaky(now, membrane)
        torch.testing.assert_close(spikes, expected)


def test_plif_of_one_step_is_spiking_s4s() -> None:
    x = 3 * torch.randn(1, 50)
    torch.testing.assert_close(PlifSteps()(x), Plif()(x))


def test_the_gradient_goes_through_the_reset() -> None:
    x = torch.tensor([[1.8], [1.5]], dtype=torch.float64, requires_grad=True)
    PlifSteps()(x)[1].sum().backward()

    def slope(h: float) -> float:
        s = 1 / (1 + torch.exp(torch.tensor(-4 * (h - 1), dtype=torch.float64)).item())
        return 4 * s * (1 - s)

    h0 = 0.9  # no spike: v = (1 - s) h, dv/dh = 1 - s - h s'
    h1 = h0 + 0.5 * (1.5 - h0)
    expected = [slope(h1) * 0.5 * (1 - h0 * slope(h0)) * 0.5, slope(h1) * 0.5]
    assert x.grad is not None
    torch.testing.assert_close(x.grad[:, 0], torch.tensor(expected, dtype=torch.float64))


def test_a_quarter_of_the_channels_comes_from_either_neighbour() -> None:
    steps, channels = torch.meshgrid(torch.arange(1.0, 5), torch.arange(64.0), indexing="ij")
    out = shifted(steps)
    expected = torch.where(channels < 16, steps + 1, torch.where(channels < 32, steps - 1, steps))
    expected[-1, :16] = 0
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(shifted(steps[:1]), steps[:1])


def test_steps_are_read_out_with_weights_that_decay() -> None:
    weights = torch.stack([decayed_sum(row) for row in torch.eye(4)])
    torch.testing.assert_close(weights, torch.tensor([0.729, 0.81, 0.9, 1.0]))


def test_without_the_shift_no_step_knows_later_ones() -> None:
    mel = 10 * torch.randn(1, 100, 9)
    streams = []
    for steps in (2, 4):
        torch.manual_seed(0)
        backbone = SpikingVocosBackbone(SpikingVocosConfig(**TINY, steps=steps, shift=False))
        streams.append(backbone(mel)[1][-1][:2])
    torch.testing.assert_close(*streams)


def test_shortcuts_differ_by_the_sign_of_what_they_multiply() -> None:
    outs = {}
    for shortcut in ("signed", "absolute", "none"):
        torch.manual_seed(0)
        block = spiking_vocos(SpikingVocosConfig(**TINY, shortcut=shortcut)).backbone.blocks[0]
        x = 4 * torch.randn(4, 1, 3, 32)
        outs[shortcut] = block.update(x)
        c = block.norm(x)
    torch.testing.assert_close(outs["signed"], outs["none"] * c)
    torch.testing.assert_close(outs["absolute"], outs["none"] * c.abs())


def test_frame_convolution_is_torchs() -> None:
    for depthwise in (True, False):
        conv = FrameConv(6, 6, 7, depthwise=depthwise)
        x = torch.randn(2, 3, 11, 6)
        expected = torch.nn.Conv1d.forward(conv, x.flatten(0, 1).transpose(1, 2))
        torch.testing.assert_close(conv(x), expected.transpose(1, 2).unflatten(0, (2, 3)))


def test_look_ahead_is_how_far_a_frame_reaches_back() -> None:
    config = VocosConfig(**TINY)
    model = vocos(config).double()
    mel = torch.randn(1, 100, 40, dtype=torch.float64, requires_grad=True)
    model.backbone(mel)[0][0, 20, 0].backward()
    assert mel.grad is not None
    reached = mel.grad[0].abs().sum(0).nonzero()[:, 0]
    assert reached.min() == 20 - config.look_ahead and reached.max() == 20 + config.look_ahead
