"""Small enough to read: functions, files, tests."""

from __future__ import annotations

import ast

from tests.architecture.tree import PACKAGES, Source, files, report, sources, text

FUNCTION_LINES = 60
TEST_LINES = 40
FILE_LINES = 400
_READ_BY_PEOPLE = (".py", ".html", ".css", ".js", ".sh")


def too_long_functions(source: Source) -> list[str]:
    """Functions above the hard stop; a test function has a lower one."""
    found = []
    for function in source.functions:
        lines = _length(function)
        limit = TEST_LINES if function.name.startswith("test_") else FUNCTION_LINES
        if lines > limit:
            place = f"{source.path}:{function.lineno}"
            found.append(
                f"{place}: {function.name} has {lines} lines, the stop is {limit}: name its parts and take them out"
            )
    return found


def too_long_file(path: str, text: str) -> list[str]:
    """A file above the hard stop."""
    lines = text.count("\n")
    if lines <= FILE_LINES:
        return []
    return [f"{path}: {lines} lines, the stop is {FILE_LINES}: make it a package of nouns"]


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_function_is_longer_than_a_screen() -> None:
    found = [line for source in sources(*PACKAGES, "tests", "benchmarks") for line in too_long_functions(source)]
    assert not found, report(found)


def test_no_file_is_longer_than_a_sitting() -> None:
    read = [path for path in files() if path.endswith(_READ_BY_PEOPLE) and "/migrations/" not in path]
    found = [line for path in read for line in too_long_file(path, text(path))]
    assert not found, report(found)


def test_the_rules_bite() -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    assert too_long_functions(Source("a.py", f"def f():\n{body}"))
    assert not too_long_functions(Source("a.py", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)))
    assert too_long_functions(Source("a.py", "def test_f():\n" + "    x = 1\n" * TEST_LINES))
    assert too_long_file("a.py", "\n" * (FILE_LINES + 1))
    assert not too_long_file("a.py", "\n" * FILE_LINES)
