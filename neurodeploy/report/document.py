"""A report before it has a format: sections of prose, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """Text, the numbers of the sources it rests on, and a tone: "", "good", "bad" or "quiet".

    anchor: where in the document a click on the text leads, "" for nowhere; order: what to sort by
    where the text is no plain number.
    """

    text: str
    sources: tuple[int, ...] = ()
    tone: str = ""
    anchor: str = ""
    order: float | None = None


def cells_of(*texts: str) -> tuple[Cell, ...]:
    """A row of plain cells."""
    return tuple(Cell(text) for text in texts)


@dataclass(frozen=True)
class Table:
    """numeric: whether a column holds numbers (they align right); key: anchor in the page."""

    caption: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    key: str = ""


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
    """headlines: (label, value, remark) at the top; sources: (citation, link), numbered from 1."""

    title: str
    subtitle: str
    headlines: tuple[tuple[str, str, str], ...]
    sections: tuple[Section, ...]
    sources: tuple[tuple[str, str], ...] = ()


@dataclass
class Sources:
    """Numbers citations in the order in which they are first asked for; links: by citation."""

    texts: list[str] = field(default_factory=list)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def cited(self) -> tuple[tuple[str, str], ...]:
        """Citations with their links; a link of another kind than https is none."""
        links = (self.links.get(text, "") for text in self.texts)
        safe = (link if link.startswith("https://") else "" for link in links)
        return tuple(zip(self.texts, safe, strict=True))

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
