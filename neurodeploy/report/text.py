"""Numbers as people read them: SI prefixes, two digits for estimates, exact integers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

_PREFIXES: Final = {
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
}
NOTHING: Final = "\u2013"


def significant(value: float, digits: int = 2) -> str:
    """`value` to so many significant digits, no exponent: 0.0123 -> "0.012", 1234 -> "1200"."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    # Rounding may carry into a new digit: 0.0999 -> 0.10.
    places = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(places, 0)}f}"


def si(value: float | None, unit: str, digits: int = 2) -> str:
    """2.36e-11, "J" -> "24 pJ"; None -> "unpriced"."""
    if value is None:
        return "unpriced"
    if value == 0:
        return f"0 {unit}"
    exponent = 3 * math.floor(math.log10(abs(value)) / 3)
    exponent = min(max(exponent, -15), 12)
    text = significant(value / 10.0**exponent, digits)
    if abs(float(text)) >= 1000 and exponent < 12:
        exponent += 3
        text = significant(value / 10.0**exponent, digits)
    return f"{text} {_PREFIXES[exponent]}{unit}"


def price(value: float, unit: str) -> str:
    """A price as its source prints it, all digits: 2.36e-11, "J" -> "23.6 pJ"."""
    if value == 0 or unit not in ("J", "W", "s"):
        return f"{value:,.12g} {'' if unit == '1' else unit}".strip()
    exponent = min(max(3 * math.floor(math.log10(abs(value)) / 3), -15), 12)
    return f"{value / 10.0**exponent:.6g} {_PREFIXES[exponent]}{unit}"


def band(low: float | None, high: float | None, unit: str) -> str:
    """ "12 pJ to 47 pJ", or nothing."""
    return NOTHING if low is None or high is None else f"{si(low, unit)} to {si(high, unit)}"


def count(value: int | Fraction) -> str:
    """Grouped digits; a fraction (a mean per inference) to one decimal."""
    if isinstance(value, Fraction):
        if value.denominator != 1:
            return f"{float(value):,.1f}"
        value = value.numerator
    return f"{value:,}"


def per(total: int, times: int) -> str:
    """total / times as `count` shows it."""
    return count(Fraction(total, times))


def percent(value: float | None, digits: int = 2) -> str:
    """0.0345 -> "3.5 %"; None -> a dash."""
    return NOTHING if value is None else f"{significant(100 * value, digits)} %"


def plural(number: int, word: str, many: str = "") -> str:
    """3, "step" -> "3 steps"."""
    return f"{number:,} {word if number == 1 else many or word + 's'}"
