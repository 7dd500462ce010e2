"""ESC against others: attention as torch has it, published sizes, how far codes see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from neurodeploy.bench.counting.torch_counter import count_ops
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc, EscConfig, esc_base, esc_large
from neurodeploy.zoo.models.product_vq import ProductVq
from neurodeploy.zoo.models.window_attention import WindowAttention

SMALL = EscConfig(
    patch=(12, 2), channels=(6, 12, 12), heads=(3, 3), codes=32, refined=4, kernel=3
)  # fmt: skip


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_published_sizes() -> None:
    """Gu and Diao 2024: 8.39 M and 15.58 M."""
    base, large = esc_base(), esc_large()
    assert size(base.encoder) == 2_101_275
    assert size(base.decoder) == 5_904_170
    assert size(base.quantizers) == size(large.quantizers) == 380_928
    assert size(base) == 8_386_373
    assert size(large.encoder) == 3_948_975
    assert size(large.decoder) == 11_251_028
    assert all(make().config.code_samples == 320 for make in CODECS.values())


@pytest.mark.parametrize(("rows", "steps"), [(8, 8), (6, 10), (2, 4)])
@pytest.mark.parametrize("shift", [0, 2])
def test_window_attention_is_torchs_under_a_mask(rows: int, steps: int, shift: int) -> None:
    """One attention over the whole grid, in which tokens see their window alone."""
    torch.manual_seed(0)
    own, heads, dim = WindowAttention(12, 3, 4, shift), 3, 12
    x = torch.randn(2, rows, steps, dim)
    f, t = (
        g.flatten() for g in torch.meshgrid(torch.arange(rows), torch.arange(steps), indexing="ij")
    )
    window = torch.stack([(f + shift) // 4, (t + shift) // 4])
    together = (window[:, :, None] == window[:, None, :]).all(0)
    near = (f[:, None] - f + 3).clamp(0, 6) * 7 + (t[:, None] - t + 3).clamp(0, 6)
    bias = own.bias[near].permute(2, 0, 1).masked_fill(~together, float("-inf"))
    flat = x.flatten(1, 2)
    expected, _ = functional.multi_head_attention_forward(
        *([flat.transpose(0, 1)] * 3),
        dim,
        heads,
        own.qkv.weight,
        own.qkv.bias,
        None,
        None,
        False,
        0.0,
        own.out.weight,
        own.out.bias,
        attn_mask=bias.repeat(2, 1, 1),
    )
    torch.testing.assert_close(own(x).flatten(1, 2), expected.transpose(0, 1))


def test_codes_are_the_nearest_by_cosine_and_come_back_unscaled() -> None:
    torch.manual_seed(1)
    vq = ProductVq(24, 3, 16, 4)
    x = torch.randn(2, 5, 24)
    codes = vq.encode(x)
    for group, part in enumerate(x.chunk(3, dim=-1)):
        z = vq.down[group](part)
        likeness = functional.cosine_similarity(z[..., None, :], vq.codebooks[group], dim=-1)
        assert torch.equal(codes[:, group], likeness.argmax(-1))
    words = torch.stack([vq.codebooks[g][codes[:, g]] for g in range(3)])
    assert torch.allclose(vq.decode(codes)[..., :8], vq.up[0](words[0]))
    assert torch.equal(vq(x).codes, codes)
    torch.testing.assert_close(vq(x).y, vq.decode(codes))


def test_gradients_pass_codes_and_reach_the_books() -> None:
    torch.manual_seed(2)
    vq = ProductVq(24, 3, 16, 4)
    x = torch.randn(2, 5, 24, requires_grad=True)
    out = vq(x)
    (out.y.square().sum() + out.loss).backward()
    assert x.grad is not None and x.grad.abs().min() > 0
    used = torch.zeros(3, 16, dtype=torch.bool)
    assert out.codes is not None
    for group in range(3):
        used[group, out.codes[:, group].flatten()] = True
    assert torch.equal(vq.codebooks.grad.abs().sum(-1) > 0, used)  # type: ignore[union-attr]


@pytest.mark.parametrize("following", [0.0, 0.05])
def test_codewords_that_follow_stay_in_use_where_gradients_lose_them(following: float) -> None:
    """Vectors far from 0 beside their spread of 0.1, whose mean goes a third of it a step."""
    torch.manual_seed(6)
    vq = ProductVq(24, 3, 64, 8)
    with torch.no_grad():
        for down in vq.down:
            down.weight.copy_(torch.eye(8))
    mean, way = torch.full((24,), 1.0), 0.01 * torch.randn(24).sign()
    vq.seed(mean + 0.1 * torch.randn(1, 500, 24))
    optimizer = torch.optim.AdamW([vq.codebooks], lr=1e-3)
    for _ in range(60):
        mean = mean + way
        loss = vq(mean + 0.1 * torch.randn(1, 200, 24), following=following).loss
        if not following:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    codes = vq.encode(mean + 0.1 * torch.randn(1, 2000, 24))
    used = [len(group.unique()) / 64 for group in codes[0]]
    assert min(used) > 0.95 if following else max(used) < 0.75


def test_streams_nest_and_training_sees_what_is_sent() -> None:
    torch.manual_seed(3)
    codec = Esc(SMALL).eval()
    spectrum = codec.spectrum(torch.randn(2, 3200))
    all_codes = codec.encode(spectrum, 3)
    assert all_codes.shape == (2, 3, 3, 10)
    assert torch.equal(codec.encode(spectrum, 1), all_codes[:, :1])
    for streams in (1, 3):
        seen = codec(spectrum, streams)
        assert torch.equal(torch.stack(seen.codes, 1), all_codes[:, :streams])
        torch.testing.assert_close(seen.spectrum, codec.decode(all_codes[:, :streams]))


@pytest.mark.parametrize("power", [1.0, 0.3])
def test_the_transform_inverts(power: float) -> None:
    """Silence, too, and with a gradient there."""
    codec, x = Esc(replace(SMALL, power=power)), torch.randn(2, 6400)
    x[:, :3200] = 0.0
    spectrum = codec.spectrum(x).requires_grad_()
    made = codec.audio(spectrum)
    torch.testing.assert_close(made, x, atol=1e-5, rtol=1e-5)
    made.square().sum().backward()  # type: ignore[no-untyped-call]
    assert spectrum.grad is not None and spectrum.grad.isfinite().all()


def test_companding_takes_magnitudes_to_a_power_and_keeps_phases() -> None:
    x = torch.randn(1, 6400)
    linear, companded = (
        torch.view_as_complex(
            Esc(replace(SMALL, power=p)).spectrum(x).permute(0, 2, 3, 1).contiguous()
        )
        for p in (1.0, 0.3)
    )
    torch.testing.assert_close(companded.abs(), linear.abs() ** 0.3)
    torch.testing.assert_close(companded.angle(), linear.angle())


def test_codes_see_no_further_than_the_reach() -> None:
    torch.manual_seed(4)
    codec = Esc(SMALL).eval()
    reach, at = SMALL.reach, 9600
    one = torch.randn(1, 19_200)
    other = one.clone()
    other[:, : at - reach] = torch.randn(1, at - reach)
    first = at // SMALL.code_samples
    codes = [codec.encode(codec.spectrum(x), 3) for x in (one, other)]
    assert torch.equal(codes[0][..., first:], codes[1][..., first:])
    assert not torch.equal(codes[0][..., :first], codes[1][..., :first])
    heard = [codec.audio(codec.decode(c)) for c in codes]
    torch.testing.assert_close(heard[0][:, at + reach :], heard[1][:, at + reach :])


def test_the_bench_counts_attention() -> None:
    attention, tokens, dim, window = WindowAttention(12, 3, 4, 2), 64, 12, 16
    record = count_ops(attention, torch.randn(1, 8, 8, dim), strict=True)
    products = 4 * dim * dim + 2 * window * dim  # four matrices, then queries and values
    assert sum(layer.dense_macs for layer in record.layers) == tokens * products


def test_codewords_that_nothing_uses_are_replaced() -> None:
    torch.manual_seed(5)
    vq = ProductVq(24, 3, 16, 4)
    x = torch.randn(4, 25, 24)
    with torch.no_grad():
        vq.codebooks[0, :8] = vq.codebooks[0, 8:].mean(0)  # of equals the first is taken
        before = vq.codebooks.detach().clone()
    used = [set(group.flatten().tolist()) for group in vq.encode(x).transpose(0, 1)]
    vq.seed(x, unused_only=True)
    for group, (old, new) in enumerate(zip(before, vq.codebooks, strict=True)):
        kept = [n for n in range(16) if torch.equal(old[n], new[n])]
        assert set(kept) == used[group]
    z = vq.down[0](x[..., :8]).flatten(0, 1)
    fresh = next(n for n in range(16) if n not in used[0])
    assert (z - vq.codebooks[0, fresh]).abs().sum(-1).min() == 0.0
    with pytest.raises(ValueError, match="15 tokens"):
        vq.seed(torch.randn(1, 15, 24))
