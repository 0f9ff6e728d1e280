"""Words that are not used here, each with the one that is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import APPS, PACKAGES, Source, files, name_of, report, sources

_CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "timezone.now", "timezone.localdate"}
_DRAWERS = {"services", "utils", "util", "helpers", "helper", "manager", "managers", "misc", "common", "tools"}
_PRINTING = ("coverpay/demo/", "coverpay/local/", "coverpay/management/commands/", "benchmarks/", "manage.py")
_MONEY = (*(f"{app}/" for app in APPS), "coverpay/kernel/", "coverpay/dashboard/", "coverpay/templatetags/")


def banned(source: Source) -> list[str]:
    """Every banned word of a file, with its replacement."""
    return [f"{source.path}:{line}: {what}" for line, what in sorted(_banned(source))]


def _banned(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Call):
            yield from _clock(source, node)
        if isinstance(node, ast.Call):
            yield from _call(source, node)
        elif isinstance(node, ast.BinOp):
            yield from _division(source, node)
        elif isinstance(node, ast.ExceptHandler):
            yield from _except(node)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").endswith("signals"):
            yield node.lineno, "signals hide who listens -> bus.publish, and a line in coverpay/wiring.py"


def _clock(source: Source, node: ast.Attribute | ast.Call) -> Iterator[tuple[int, str]]:
    if source.within("coverpay/kernel/clock.py") or not isinstance(node, ast.Attribute):
        return
    if any(f".{name_of(node)}".endswith(f".{clock}") for clock in _CLOCKS):
        right = "clock.today" if "today" in node.attr or "localdate" in node.attr else "clock.now"
        yield node.lineno, f"{name_of(node)} -> {right}"


def _call(source: Source, call: ast.Call) -> Iterator[tuple[int, str]]:
    name = name_of(call.func)
    last = name.rsplit(".", 1)[-1]
    if last in ("delay", "apply_async", "send_task") and "." in name and not source.within("coverpay/celery.py"):
        yield call.lineno, f".{last}( -> jobs.wake"
    if last == "update" and any(word.arg == "state" for word in call.keywords):
        yield call.lineno, ".update(state= -> a transition"
    if name == "print" and not source.within(*_PRINTING):
        yield call.lineno, "print( -> structlog, or the command's stdout"
    if name == "float" and source.within(*_MONEY):
        yield call.lineno, "float( near money -> Money, or Decimal for a rate"


def _division(source: Source, operation: ast.BinOp) -> Iterator[tuple[int, str]]:
    sides = (name_of(operation.left), name_of(operation.right))
    if isinstance(operation.op, ast.Div) and any(side.endswith("_minor") for side in sides) and source.within(*_MONEY):
        yield operation.lineno, "dividing minor units with / makes a float -> allocate, or Money.times"


def _except(handler: ast.ExceptHandler) -> Iterator[tuple[int, str]]:
    caught = "" if handler.type is None else name_of(handler.type)
    last = handler.body[-1]
    raises_again = isinstance(last, ast.Raise) and last.exc is None
    if caught in ("", "Exception", "BaseException") and not isinstance(handler.type, ast.Tuple) and not raises_again:
        yield handler.lineno, f"except {caught}".strip() + " -> the typed error that can happen here"


def drawers(path: str) -> list[str]:
    """Folders and modules named for being a drawer."""
    parts = path.removesuffix(".py").split("/")
    return [f"{path}: a module named {part} -> the noun of what it holds" for part in parts if part in _DRAWERS]


def test_banned_words_are_not_used() -> None:
    found = [line for source in sources(*PACKAGES, "benchmarks") for line in banned(source)]
    assert not found, report(found)


def test_no_module_is_a_drawer() -> None:
    found = [line for path in files() if path.endswith(".py") for line in drawers(path)]
    assert not found, report(found)


@pytest.mark.parametrize(
    ("code", "replacement"),
    [
        ("now = dt.datetime.now(dt.UTC)", "clock.now"),
        ("stamp = models.DateTimeField(default=timezone.now)", "clock.now"),
        ("day = dt.date.today()", "clock.today"),
        ("submit.delay(1)", "jobs.wake"),
        ("app.send_task('x')", "jobs.wake"),
        ("rows.filter(id=1).update(state='paid')", "a transition"),
        ("print('x')", "structlog"),
        ("amount = float(text)", "Money"),
        ("half = row.amount_minor / 2", "allocate"),
        ("try:\n    f()\nexcept Exception:\n    pass", "the typed error"),
        ("try:\n    f()\nexcept:\n    pass", "the typed error"),
        ("from django.db.models.signals import post_save", "bus.publish"),
    ],
)
def test_each_banned_word_is_found_with_its_replacement(code: str, replacement: str) -> None:
    found = banned(Source("billing/invoices.py", code))
    assert len(found) == 1
    assert replacement in found[0]


@pytest.mark.parametrize(
    "code",
    [
        "now = clock.now()",
        "totals.update(paid=1)",
        "half = row.amount_minor // 2",
        "'datetime.now is not used here'",
        "try:\n    f()\nexcept BaseException:\n    undo()\n    raise",
        "try:\n    f()\nexcept (ValueError, KeyError):\n    pass",
    ],
)
def test_words_that_only_look_alike_pass(code: str) -> None:
    assert banned(Source("billing/invoices.py", code)) == []


def test_drawers_are_found() -> None:
    assert drawers("billing/utils.py")
    assert drawers("billing/helpers/cash.py")
    assert not drawers("billing/cash.py")
