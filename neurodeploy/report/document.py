"""A report before it has a format: sections of prose, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """Text, the numbers of the sources it rests on, and a tone: "", "good", "bad" or "quiet"."""

    text: str
    sources: tuple[int, ...] = ()
    tone: str = ""


def cells_of(*texts: str) -> tuple[Cell, ...]:
    """A row of plain cells."""
    return tuple(Cell(text) for text in texts)


@dataclass(frozen=True)
class Table:
    """numeric: whether a column holds numbers (they align right)."""

    caption: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """svg: a whole `<svg>` element, already escaped; text: what it shows, in words."""

    caption: str
    svg: str
    text: str


@dataclass(frozen=True)
class Section:
    """key: anchor in the page."""

    key: str
    title: str
    prose: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """headlines: (label, value, remark) at the top; sources: citations, numbered from 1."""

    title: str
    subtitle: str
    headlines: tuple[tuple[str, str, str], ...]
    sections: tuple[Section, ...]
    sources: tuple[str, ...] = ()


@dataclass
class Sources:
    """Numbers citations in the order in which they are first asked for."""

    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> tuple[int, ...]:
        """The number of a citation, as a tuple; () for no citation."""
        if not text:
            return ()
        if text not in self.texts:
            self.texts.append(text)
        return (self.texts.index(text) + 1,)

    def numbers(self, texts: tuple[str, ...]) -> tuple[int, ...]:
        """Numbers of several citations, ascending, each once."""
        return tuple(sorted({n for text in texts for n in self.number(text)}))
