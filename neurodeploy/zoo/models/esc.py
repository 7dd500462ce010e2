"""ESC: speech at 1.5 to 9 kbit/s by a transformer codec (Gu and Diao 2024, arXiv:2404.19441).

    complex STFT -> patches -> Swin encoder, halving the frequency rows scale by scale
    -> codes of 6 streams -> mirrored Swin decoder -> complex spectrum -> inverse STFT

`esc_tiny` sees and makes companded spectra, |x|^0.3 at the phase of x; the published sizes do not.

Cross-scale residual quantization: stream 0 codes the encoder's coarsest feature; each further
stream codes what the decoder's feature lacks of the encoder's at one and the same scale, from the
coarsest to the second finest, and adds it before the decoder goes on. A stream costs 1.5 kbit/s (3
groups of 10 bits, 50 times a second), and the first n decode without the others.

Encoder 2,101,275, decoder 5,904,170 and quantizers 380,928 parameters in `esc_base`. Time is never
reduced beyond the patches' 100 Hz and the codes' 50 Hz, and nothing is causal; but all attention is
in windows, so that what a code depends on ends `reach` samples before and after it.
Features are (B, F, T, C). Recipe: neurodeploy/zoo/train/codec.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurodeploy.zoo.models.product_vq import ProductVq
from neurodeploy.zoo.models.window_attention import Block, SwinBlock, swin_blocks


@dataclass(frozen=True)
class EscConfig:
    """The network's shape; defaults are ESC-Base."""

    n_fft: int = 382  # 192 bins
    window: int = 320  # samples, Hann: 20 ms at 16 kHz
    hop: int = 80  # samples: 5 ms
    patch: tuple[int, int] = (3, 2)  # bins and frames a token
    channels: tuple[int, ...] = (45, 72, 96, 144, 192, 384)  # of patches, then of each scale
    heads: tuple[int, ...] = (3, 6, 12, 24, 24)  # of each scale's attention
    depth: int = 2  # blocks a scale, even
    side: int = 4  # tokens on a side of an attention window
    overlap: int = 2  # tokens of time a code
    groups: int = 3  # codes a stream and time
    codes: int = 1024  # of a codebook
    code_dim: int = 8
    refined: int = 45  # channels of the spectrum before the last convolution
    kernel: int = 5  # of the convolution that makes them
    power: float = 1.0  # of magnitudes in the spectra that the network sees and makes

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def streams(self) -> int:
        return len(self.channels)

    @property
    def rows(self) -> tuple[int, ...]:
        """Frequency rows of the patches, then behind each scale."""
        first = self.bins // self.patch[0]
        return tuple(first >> scale for scale in range(len(self.channels)))

    @property
    def code_samples(self) -> int:
        """Samples that the codes of one time stand for."""
        return self.hop * self.patch[1] * self.overlap

    @property
    def reach(self) -> int:
        """Samples before and after a code's own that it, or a sample decoded from it, depends on.

        A pair of blocks widens what it sees by a window to each side; encoding to the last stream
        passes the encoder and all of the decoder but its last scale and its end. Beyond that lie a
        code's tokens and a frame's window. The decoder alone reaches less far.
        """
        scales = 2 * (self.streams - 1)  # its own block before the first scale, the last not run
        tokens = scales * self.depth * self.side // 2 + self.overlap
        samples = tokens * self.patch[1] * self.hop + self.window
        unit = self.side * self.patch[1] * self.hop
        return -(-samples // unit) * unit


def _companded(spectrum: Tensor, power: float) -> Tensor:
    """|x|^power at the phase of x, (B, 2, bins, frames); linear in x below |x| = 1e-12."""
    if power == 1.0:
        return spectrum
    squares = spectrum.square().sum(1, keepdim=True).clamp(min=1e-24)
    return spectrum * squares ** ((power - 1.0) / 2.0)


class Scaled(nn.Module):
    """Blocks of attention, then half or double the frequency rows."""

    def __init__(self, config: EscConfig, dim: int, heads: int, block: Block) -> None:
        super().__init__()
        self.blocks = swin_blocks(dim, heads, config.depth, config.side, block)


class Down(Scaled):
    """(B, F, T, dim) -> (B, F / 2, T, out)."""

    def __init__(self, config: EscConfig, dim: int, out: int, heads: int, block: Block) -> None:
        super().__init__(config, dim, heads, block)
        self.norm = nn.LayerNorm(2 * dim)
        self.project = nn.Linear(2 * dim, out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(x)
        batch, rows, steps, dim = x.shape
        pairs = x.view(batch, rows // 2, 2, steps, dim).transpose(2, 3)
        out: Tensor = self.project(self.norm(pairs.reshape(batch, rows // 2, steps, 2 * dim)))
        return out


class Up(Scaled):
    """(B, F, T, dim) -> (B, 2 F, T, out)."""

    def __init__(self, config: EscConfig, dim: int, out: int, heads: int) -> None:
        super().__init__(config, dim, heads, SwinBlock)
        self.norm = nn.LayerNorm(dim)
        self.project = nn.Linear(dim, 2 * out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.norm(self.blocks(x)))
        batch, rows, steps, twice = y.shape
        pairs = y.view(batch, rows, steps, 2, twice // 2).transpose(2, 3)
        return pairs.reshape(batch, 2 * rows, steps, twice // 2)


class Encoder(nn.Module):
    """Spectrum (B, 2, bins, frames) -> the features behind each scale, finest first."""

    def __init__(self, config: EscConfig, block: Block) -> None:
        super().__init__()
        c = config.channels
        self.patches = nn.Conv2d(2, c[0], config.patch, stride=config.patch)
        self.norm = nn.LayerNorm(c[0])
        self.first = swin_blocks(c[0], config.heads[0], config.depth, config.side, block)
        shapes = zip(c[:-1], c[1:], config.heads, strict=True)
        self.scales = nn.ModuleList(Down(config, *shape, block) for shape in shapes)

    def forward(self, spectrum: Tensor) -> list[Tensor]:
        x = self.patches(spectrum).permute(0, 2, 3, 1)
        x = self.first(self.norm(x.contiguous()))
        features = []
        for scale in self.scales:
            x = scale(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """`scales`, coarsest first, and the way from the finest feature to the spectrum."""

    def __init__(self, config: EscConfig) -> None:
        super().__init__()
        c, (bins, frames) = config.channels, config.patch
        self.patch = config.patch
        triples = reversed(list(zip(c[1:], c[:-1], config.heads, strict=True)))
        self.scales = nn.ModuleList(Up(config, dim, out, heads) for dim, out, heads in triples)
        self.last = swin_blocks(c[0], config.heads[0], config.depth, config.side)
        k = config.kernel
        self.unfold = nn.Conv2d(c[0], config.refined * bins * frames, k, padding=k // 2)
        self.spectrum = nn.Conv2d(config.refined, 2, 3, padding=1)

    def finish(self, x: Tensor) -> Tensor:
        """(B, F, T, C) -> (B, 2, bins, frames)."""
        y = self.unfold(self.last(x).permute(0, 3, 1, 2))
        (bins, frames), (batch, _, rows, steps) = self.patch, y.shape
        y = y.view(batch, -1, bins, frames, rows, steps).permute(0, 1, 4, 2, 5, 3)
        out: Tensor = self.spectrum(y.reshape(batch, -1, rows * bins, steps * frames))
        return out


class Coded(NamedTuple):
    """What training sees of a batch."""

    spectrum: Tensor  # (B, 2, bins, frames), decoded
    codes: list[Tensor]  # (B, groups, L) of each active stream; empty where they were bypassed
    loss: Tensor  # codebooks and commitment, summed over the active streams


class Esc(nn.Module):
    """The codec: audio (B, samples) <-> spectrum (B, 2, bins, frames) <-> codes.

    samples = frames hop, and a multiple of `code_samples`; codes are (B, streams, groups, L).
    """

    hann: Tensor
    code_counts: Tensor  # (streams, groups, codes) in training data, for entropy coding

    def __init__(self, config: EscConfig | None = None, encoding: Block = SwinBlock) -> None:
        """encoding: the encoder's blocks."""
        super().__init__()
        self.config = c = config or EscConfig()
        self.encoder, self.decoder = Encoder(c, encoding), Decoder(c)
        sizes = [dim * rows * c.overlap for dim, rows in zip(c.channels, c.rows, strict=True)]
        coarsest_first = sizes[:0:-1]
        self.quantizers = nn.ModuleList(
            ProductVq(size, c.groups, c.codes, c.code_dim)
            for size in (coarsest_first[0], *coarsest_first)
        )
        self.register_buffer("hann", torch.hann_window(c.window), persistent=False)
        counts = torch.zeros(c.streams, c.groups, c.codes, dtype=torch.int32)
        self.register_buffer("code_counts", counts)

    def spectrum(self, audio: Tensor) -> Tensor:
        """Centred frames, the ends mirrored; real and imaginary parts as channels; companded."""
        c = self.config
        x = torch.stft(audio, c.n_fft, c.hop, c.window, self.hann, return_complex=True)
        return _companded(torch.view_as_real(x[..., :-1]).permute(0, 3, 1, 2), c.power)

    def audio(self, spectrum: Tensor) -> Tensor:
        """The inverse of `spectrum` by overlap-add."""
        c = self.config
        linear = _companded(spectrum, 1.0 / c.power)
        x = torch.view_as_complex(linear.permute(0, 2, 3, 1).contiguous())
        samples = spectrum.shape[-1] * c.hop
        return torch.istft(x, c.n_fft, c.hop, c.window, self.hann, length=samples)

    def forward(
        self, spectrum: Tensor, streams: int, quantize: bool = True, following: float = 0.0
    ) -> Coded:
        """To the codes of `streams` streams and back; without `quantize`, their vectors go on."""
        targets = self.encoder(spectrum)[::-1]
        codes, losses = [], []
        x = torch.zeros_like(targets[0])
        for stream, quantizer in enumerate(self.quantizers):
            if stream < streams:
                residual = targets[max(0, stream - 1)] - x
                out = quantizer(self._tokens(residual), quantize, following)
                x = x + self._grid(out.y, residual.shape)
                losses.append(out.loss)
                codes += [] if out.codes is None else [out.codes]
            x = self._scaled(stream, x)
        return Coded(self.decoder.finish(x), codes, torch.stack(losses).sum())

    @torch.no_grad()
    def encode(self, spectrum: Tensor, streams: int) -> Tensor:
        """Codes of the first `streams` streams; those of fewer are the same."""
        targets = self.encoder(spectrum)[::-1]
        codes = []
        x = torch.zeros_like(targets[0])
        for stream, quantizer in enumerate(self._used(streams)):
            residual = targets[max(0, stream - 1)] - x
            codes.append(quantizer.encode(self._tokens(residual)))
            if stream + 1 < streams:
                x = x + self._grid(quantizer.decode(codes[-1]), residual.shape)
                x = self._scaled(stream, x)
        return torch.stack(codes, dim=1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """The spectrum that the streams at hand make."""
        c = self.config
        batch, streams, _, length = codes.shape
        x = self.hann.new_zeros(batch, c.rows[-1], length * c.overlap, c.channels[-1])
        for stream, quantizer in enumerate(self._used(c.streams)):
            if stream < streams:
                x = x + self._grid(quantizer.decode(codes[:, stream]), x.shape)
            x = self._scaled(stream, x)
        return self.decoder.finish(x)

    @torch.no_grad()
    def seed_codebooks(self, spectrum: Tensor, *, unused_only: bool = False) -> None:
        """Codewords, or those that this batch leaves unused, become vectors of it, each stream's as
        the streams before leave it."""
        targets = self.encoder(spectrum)[::-1]
        x = torch.zeros_like(targets[0])
        for stream, quantizer in enumerate(self._used(self.config.streams)):
            tokens = self._tokens(targets[max(0, stream - 1)] - x)
            quantizer.seed(tokens, unused_only=unused_only)
            x = x + self._grid(quantizer.decode(quantizer.encode(tokens)), x.shape)
            x = self._scaled(stream, x)

    def latent(self, stream: int, feature: Tensor) -> Tensor:
        """(B, F, T, C) -> (groups, B, L, code_dim): what the stream's codes are found by."""
        return self._used(stream + 1)[stream].project(self._tokens(feature))

    def _used(self, streams: int) -> list[ProductVq]:
        return [q for q in self.quantizers if isinstance(q, ProductVq)][:streams]

    def _scaled(self, stream: int, x: Tensor) -> Tensor:
        """What the decoder does behind a stream: nothing behind the first, then a scale each."""
        return self.decoder.scales[stream - 1](x) if stream else x

    def _tokens(self, x: Tensor) -> Tensor:
        """(B, F, T, C) -> (B, T / overlap, C F overlap): a code's group is a range of channels."""
        batch, rows, steps, dim = x.shape
        over = self.config.overlap
        cut = x.view(batch, rows, steps // over, over, dim).permute(0, 2, 4, 1, 3)
        return cut.reshape(batch, steps // over, dim * rows * over)

    def _grid(self, tokens: Tensor, shape: torch.Size) -> Tensor:
        """The inverse of `_tokens`, into that shape."""
        batch, rows, steps, dim = shape
        over = self.config.overlap
        cut = tokens.view(batch, steps // over, dim, rows, over).permute(0, 3, 1, 4, 2)
        return cut.reshape(shape)


LARGE = EscConfig(depth=4)
# Half the frequency rows and a fifth of the channels: what one core trains in an hour. Companded:
# with linear spectra it takes several times the steps to learn phases (docs/codec.md).
TINY = EscConfig(
    patch=(6, 2),
    channels=(24, 36, 48, 60, 72, 72),
    heads=(3, 3, 6, 6, 6),
    refined=8,
    kernel=3,
    power=0.3,
)


def esc_base() -> Esc:
    """ESC-Base, 8,386,373 parameters."""
    return Esc()


def esc_large() -> Esc:
    """ESC-Large, 15.58 M parameters."""
    return Esc(LARGE)


def esc_tiny() -> Esc:
    """The same streams and rates in a tenth of the parameters."""
    return Esc(TINY)
