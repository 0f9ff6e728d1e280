"""Read the source tree once, for the tests that check the house rules."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("compliance", "policies", "reconciliation", "billing", "payments")
PACKAGES = (*APPS, "coverpay")
_NOT_OURS = {"var", "dist", "build", "htmlcov", "test-results", "__pycache__", "node_modules"}
_BINARY = {".png", ".ico", ".woff2", ".sqlite3", ".pyc", ".pdf", ".xlsx", ".gz"}


@dataclass(frozen=True)
class Source:
    """One Python file: its path below the root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def imported(self) -> list[tuple[int, str]]:
        """Every import as (line, dotted name), wherever it stands; `from a import b` gives both a and a.b."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.append((node.lineno, node.module))
                found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        return found

    def within(self, *places: str) -> bool:
        """Tell whether the file is one of these paths, or below one that ends with a slash."""
        return any(self.path == place or (place.endswith("/") and self.path.startswith(place)) for place in places)


@cache
def files() -> tuple[str, ...]:
    """Every file that is kept, as a path below the root: no hidden folder but .ci, nothing that running makes."""
    return tuple(sorted(_walk()))


def _walk() -> Iterator[str]:
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in _NOT_OURS and (not name.startswith(".") or name == ".ci")]
        for name in names:
            yield (Path(folder) / name).relative_to(ROOT).as_posix()


@cache
def text(path: str) -> str:
    """The text of one kept file; what is not UTF-8 in it is of no interest here."""
    return (ROOT / path).read_text(errors="replace")


@cache
def text_files() -> tuple[str, ...]:
    """Every kept file that is text."""
    return tuple(path for path in files() if Path(path).suffix not in _BINARY)


@cache
def source(path: str) -> Source:
    return Source(path, text(path))


@cache
def sources(*packages: str) -> tuple[Source, ...]:
    """The Python files of these packages (all of ours by default), without migrations."""
    wanted = packages or PACKAGES
    return tuple(
        source(path)
        for path in files()
        if path.endswith(".py") and path.split("/")[0] in wanted and "/migrations/" not in path
    )


def report(findings: list[str]) -> str:
    """What a failing rule prints: each finding on a line of its own."""
    return "\n" + "\n".join(findings)


def name_of(node: ast.expr) -> str:
    """The dotted name an expression is written as, e.g. `dt.datetime.now`; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = name_of(node.value)
        return f"{before}.{node.attr}" if before else f".{node.attr}"
    return ""
