"""What a function promises stands beside it: commands, steps and everything public in a pure module."""

from __future__ import annotations

import ast

from tests.architecture.test_commands import is_guarded
from tests.architecture.test_imports import contract
from tests.architecture.tree import Source, report, sources


def silent(source: Source, *, pure: bool) -> list[str]:
    """Public commands and steps without a docstring; in a pure module every public function."""
    return [
        f"{source.path}:{node.lineno}: {node.name} has no docstring -> one imperative line, then what no signature says"
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if (pure or is_guarded(node)) and not ast.get_docstring(node)
    ]


def untidy(source: Source) -> list[str]:
    """Docstrings whose first line is no sentence."""
    nodes = [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)]
    return [
        f"{source.path}:{getattr(node, 'lineno', 1)}: the first line of the docstring does not end the sentence"
        for node in nodes
        for first in (ast.get_docstring(node) or "").split("\n")[:1]
        if first and not first.endswith((".", ":", "?", "!"))
    ]


def _is_pure(source: Source) -> bool:
    names = contract("pure")["source_modules"]
    return any(source.module == name or source.module.startswith(f"{name}.") for name in names)


def test_promises_are_written_down() -> None:
    found = [line for source in sources() for line in silent(source, pure=_is_pure(source))]
    assert not found, report(found)


def test_docstrings_begin_with_a_sentence() -> None:
    found = [line for source in sources() for line in untidy(source)]
    assert not found, report(found)


def test_the_rules_bite() -> None:
    assert silent(Source("billing/cash.py", "@step\ndef apply(receipt):\n    pass\n"), pure=False)
    assert silent(Source("billing/plans.py", "def build():\n    pass\n"), pure=True)
    assert silent(Source("billing/cash.py", "def build():\n    pass\n"), pure=False) == []
    assert untidy(Source("billing/cash.py", '"""Cash, which\ncomes and goes."""\n'))
