"""Networks of the literature in their usual sizes, to count: definitions of our own."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def conv_norm(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class BasicBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.first = conv_norm(c_in, c_out, 3, stride)
        self.second = conv_norm(c_out, c_out, 3)
        same = c_in == c_out and stride == 1
        self.short = nn.Identity() if same else conv_norm(c_in, c_out, 1, stride)

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.short(x))


def resnet18(classes: int = 1000) -> nn.Sequential:
    """He et al. (2016)."""
    layers: list[nn.Module] = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for c_in, c_out, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += [BasicBlock(c_in, c_out, stride), BasicBlock(c_out, c_out, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def vgg16(classes: int = 10) -> nn.Sequential:
    """Simonyan and Zisserman (2015), for 32 x 32 pixels with one linear layer."""
    layers: list[nn.Module] = []
    c_in = 3
    for block, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(block):
            layers.append(nn.Conv2d(c_in, width, 3, padding=1, bias=False))
            c_in = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, classes))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = functional.scaled_dot_product_attention(q, k, v)
        return self.out(x.transpose(1, 2).reshape(batch, length, width))


class VitBlock(nn.Module):
    """Dosovitskiy et al. (2021): attention and MLP, each behind a layer norm."""

    def __init__(self, width: int = 192, heads: int = 3) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        x = x + self.attention(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class Conformer(nn.Module):
    """Like Gulati et al. (2020): half MLPs around attention and a gated depthwise convolution."""

    def __init__(self, width: int = 64, heads: int = 4, kernel: int = 15) -> None:
        super().__init__()
        self.before, self.after = (
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 256), nn.SiLU(), nn.Linear(256, width)
            )
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.convolution = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1),
            nn.GLU(1),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width),
            nn.BatchNorm1d(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x):
        x = x + self.before(x) / 2
        normed = self.norm(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        x = x + self.convolution(x.transpose(1, 2)).transpose(1, 2)
        return x + self.after(x) / 2


class UNet(nn.Module):
    """Like Ronneberger et al. (2015), two levels, up by transposed convolutions."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            nn.Sequential(conv_norm(a, b, 3), nn.ReLU(), conv_norm(b, b, 3), nn.ReLU())
            for a, b in ((1, width), (width, 2 * width), (2 * width, 4 * width))
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in (2 * width, width)
        )
        self.merge = nn.ModuleList(
            nn.Sequential(conv_norm(2 * c, c, 3), nn.ReLU()) for c in (2 * width, width)
        )
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        left = self.down[0](x)
        middle = self.down[1](self.pool(left))
        x = self.down[2](self.pool(middle))
        for up, merge, across in zip(self.up, self.merge, (middle, left), strict=True):
            x = merge(torch.cat([up(x), across], 1))
        return self.head(x)
