"""Damage to files, seeded: bytes that flip, vanish or repeat, and HDF5 whose content is wrong.

A mutant is a name and a function that changes the file at a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

Damage = Callable[[Path], None]

HUGE = 10**6


def byte_damage(size: int, rng: np.random.Generator, flips: int) -> Iterator[tuple[str, Damage]]:
    """Flips of 1 to 64 bits in the superblock, in the first object headers and anywhere; cuts;
    blocks of zeros, ones and noise; bytes that are too many or stand elsewhere."""
    for i in range(flips):
        region = (96, min(2048, size), size)[i % 3]
        count = (1, 2, 8, 64)[i // 3 % 4]
        places = [int(n) for n in rng.integers(0, region, size=count)]
        bits = [1 << int(n) for n in rng.integers(0, 8, size=count)]
        yield f"{count} flips in {region} bytes, {places[0]}", flipped(places, bits)
    for keep in (0, 1, 8, 95, 96, 512, size // 2, size - 8, size - 1, *rng.integers(0, size, 6)):
        yield f"cut at {keep}", edited(lambda raw, keep=int(keep): raw[:keep])
    for fill in (b"\0", b"\xff", None):
        for start in rng.integers(0, size, size=4):
            yield f"block at {start}", blanked(int(start), fill, rng.bytes(64))
    noise = rng.bytes(size)
    yield "noise", edited(lambda raw: noise)
    yield "noise after the signature", edited(lambda raw: raw[:8] + noise)
    yield "twice", edited(lambda raw: raw + raw)
    yield "shifted", edited(lambda raw: b"\0" * 512 + raw)
    yield "without a middle", edited(lambda raw: raw[: len(raw) // 3] + raw[len(raw) // 2 :])


def edited(change: Callable[[bytes], bytes]) -> Damage:
    def damage(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return damage


def flipped(places: list[int], bits: list[int]) -> Damage:
    def change(raw: bytes) -> bytes:
        content = bytearray(raw)
        for place, bit in zip(places, bits, strict=True):
            content[place] ^= bit
        return bytes(content)

    return edited(change)


def blanked(start: int, fill: bytes | None, noise: bytes) -> Damage:
    block = noise if fill is None else fill * len(noise)
    return edited(lambda raw: raw[:start] + block[: len(raw) - start] + raw[start + len(block) :])


def content_damage(source: Path, rng: np.random.Generator, count: int) -> list[tuple[str, Damage]]:
    """`count` of all ways to remove or replace one object or attribute of the file."""
    ways: list[tuple[str, Damage]] = []
    with h5py.File(source, "r") as file:

        def visit(name: str, item: object) -> None:
            kinds = GROUP_DAMAGE if isinstance(item, h5py.Group) else DATASET_DAMAGE
            ways.extend((f"{word} {name}", on_object(name, f)) for word, f in kinds.items())

        file.visititems(visit)
        file.visititems(lambda name, item: ways.extend(_attribute_damage(name, item)))
    chosen = rng.permutation(len(ways))[:count]
    return [ways[i] for i in sorted(chosen)]


def _attribute_damage(name: str, item: h5py.Group) -> Iterator[tuple[str, Damage]]:
    for key in item.attrs:
        yield f"without {name}@{key}", on_object(name, lambda g, n, key=key: g[n].attrs.pop(key))
        for value in ("", "x", np.nan, -1, 2**62, [1.0, 2.0]):
            yield (
                f"{value!r} for {name}@{key}",
                on_object(name, lambda g, n, k=key, v=value: g[n].attrs.__setitem__(k, v)),
            )


def on_object(name: str, change: Callable[[h5py.Group, str], object]) -> Damage:
    parent, _, leaf = name.rpartition("/")

    def damage(path: Path) -> None:
        with h5py.File(path, "a") as file:
            change(file[parent] if parent else file, leaf)

    return damage


def replaced(
    make: Callable[[h5py.Group, str, object], object],
) -> Callable[[h5py.Group, str], None]:
    """A dataset, deleted and made anew from its old value."""

    def change(group: h5py.Group, name: str) -> None:
        old = group[name][()] if isinstance(group[name], h5py.Dataset) else None
        del group[name]
        made = make(group, name, old)
        if made is not None:
            group[name] = made

    return change


def _numbers(old: object) -> np.ndarray:
    array = np.asarray(old)
    usable = array.dtype.kind in "biuf" and np.isfinite(array).all()
    return array.astype(np.float64) if usable else np.ones(3)


def _one_value(old: object, value: float) -> np.ndarray:
    array = _numbers(old).copy()
    array.reshape(-1)[:1] = value
    return array


def _huge(group: h5py.Group, name: str, old: object) -> None:
    group.create_dataset(name, shape=(HUGE, HUGE), chunks=(64, 64), dtype="f8", compression="gzip")


def _huge_text(group: h5py.Group, name: str, old: object) -> None:
    group.create_dataset(name, shape=(HUGE, 2), chunks=(64, 2), dtype=h5py.string_dtype())


def _external(group: h5py.Group, name: str, old: object) -> None:
    group[name] = h5py.ExternalLink("/etc/passwd", "/node")


DATASET_DAMAGE: dict[str, Callable[[h5py.Group, str], object]] = {
    "without": lambda group, name: group.__delitem__(name),
    "a group for": replaced(lambda g, n, old: g.create_group(n).clear()),
    "flat": replaced(lambda g, n, old: _numbers(old).reshape(-1)),
    "one axis more in": replaced(lambda g, n, old: _numbers(old)[..., None]),
    "one more in": replaced(lambda g, n, old: np.append(_numbers(old).reshape(-1), 1.0)),
    "nothing in": replaced(lambda g, n, old: np.zeros((0,))),
    "no dataspace in": replaced(lambda g, n, old: h5py.Empty("f8")),
    "a scalar for": replaced(lambda g, n, old: 1.0),
    "text for": replaced(lambda g, n, old: "LIF"),
    "texts for": replaced(lambda g, n, old: ["a", "b"]),
    "bytes for": replaced(lambda g, n, old: np.bytes_(b"\xff\xfe")),
    "complex": replaced(lambda g, n, old: _numbers(old).astype(complex)),
    "compound": replaced(lambda g, n, old: np.zeros(2, dtype=[("a", "f8"), ("b", "i4")])),
    "opaque": replaced(lambda g, n, old: np.zeros(2, dtype="V8")),
    "integers in": replaced(lambda g, n, old: _numbers(old).astype(np.int8)),
    "NaN in": replaced(lambda g, n, old: _one_value(old, np.nan)),
    "infinity in": replaced(lambda g, n, old: _one_value(old, np.inf)),
    "a negative number in": replaced(lambda g, n, old: _one_value(old, -1.0)),
    "zeros in": replaced(lambda g, n, old: 0.0 * _numbers(old)),
    "1e300 in": replaced(lambda g, n, old: _one_value(old, 1e300)),
    "1e9 in": replaced(lambda g, n, old: _one_value(old, 1e9)),
    "a fraction in": replaced(lambda g, n, old: _one_value(old, 0.5)),
    "huge dimensions in": replaced(_huge),
    "a million texts in": replaced(_huge_text),
    "a link to itself in": replaced(lambda g, n, old: h5py.SoftLink(f"{g.name}/{n}")),
    "a link to nothing in": replaced(lambda g, n, old: h5py.SoftLink("/nowhere")),
    "another file for": replaced(_external),
    "the root for": replaced(lambda g, n, old: g.file["/"]),
}
GROUP_DAMAGE: dict[str, Callable[[h5py.Group, str], object]] = {
    "without": lambda group, name: group.__delitem__(name),
    "empty": lambda group, name: group[name].clear(),
    "a number for": replaced(lambda g, n, old: 1.0),
    "itself in": lambda group, name: group[name].__setitem__("again", group[name]),
    "its parent in": lambda group, name: group[name].__setitem__("up", group),
    "under two names": lambda group, name: group.__setitem__(f"{name}2", group[name]),
    "renamed": lambda group, name: group.move(name, f"{name}_"),
    "under a name with a slash": lambda group, name: group.move(name, f"{name}_/x"),
    "under an odd name": lambda group, name: group.move(name, "für\n\t'\"; {x}"),
    "an unknown field in": lambda group, name: group[name].__setitem__("unknown", 1.0),
    "a type in its place in": lambda group, name: group[name].__setitem__("typ", "LIF"),
}


def same_names(path: Path) -> None:
    """Two links of one group get the same name: bytes of equal length in its heap."""
    raw = path.read_bytes()
    assert b"lif1\0" in raw and b"lif2\0" in raw
    path.write_bytes(raw.replace(b"lif2\0", b"lif1\0"))
