"""Figures beside their limits: medians over interleaved rounds, and the table that shows them."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure beside one limit, a value for each round; ratios are taken within a round, where load is alike."""

    what: str
    figures: Sequence[float]
    limit_is: str
    limits: Sequence[float]
    target: float | None = None

    @property
    def ratio(self) -> float:
        return statistics.median(figure / limit for figure, limit in zip(self.figures, self.limits, strict=True))

    @property
    def holds(self) -> bool:
        return self.target is None or self.ratio >= self.target

    def cells(self) -> list[str]:
        target = "" if self.target is None else f"≥ {self.target:g}"
        met = "" if self.target is None else ("yes" if self.holds else "NO")
        figure, limit = statistics.median(self.figures), statistics.median(self.limits)
        return [self.what, f"{figure:,.0f}/s", self.limit_is, f"{limit:,.0f}/s", f"{self.ratio:.2f}", target, met]


HEADINGS = ["What", "CoverPay", "Beside", "Limit", "Ratio", "Target", "Held"]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns padded so that it also reads on a terminal."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def machine() -> str:
    """What the figures were measured on."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} × {cpu}, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}"
