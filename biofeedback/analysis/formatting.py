"""Numbers, times and durations as text."""

from __future__ import annotations

WITHHELD = "–"
"""What stands in place of a value that is withheld."""


def clock(seconds: float) -> str:
    """Return a time in the session as ``mm:ss``, or ``h:mm:ss`` from one hour on."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes:02d}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a duration in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with a true minus sign; zero has no sign."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", "−")
