"""The few pieces of Markdown that reference pages are made of."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

_BANNER = "Written by `manage.py generate` from {source}. Change the code, not this page."


def page(title: str, source: str, *parts: str) -> str:
    """Put a page together: title, where it comes from, and its parts with a blank line between."""
    return (
        "\n\n".join([f"# {title}", _BANNER.format(source=source), *(part.strip("\n") for part in parts if part)]) + "\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table; a pipe in a cell is escaped."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mermaid(lines: Iterable[str]) -> str:
    """Write a diagram."""
    return "\n".join(["```mermaid", *lines, "```"])


def code(text: str) -> str:
    """Write a word as it stands in code."""
    return f"`{text}`"


def said(documented: object) -> str:
    """The whole docstring of something on one line; empty when it has none of its own."""
    own = getattr(documented, "__doc__", None)
    return " ".join(inspect.cleandoc(own).split()) if own else ""


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
