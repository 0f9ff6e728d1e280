"""Words that must agree in two places: events and the wiring, tasks and who wakes them, codes and their errors."""

from __future__ import annotations

import ast
from collections import Counter

from django.conf import settings

from compliance.events import CATALOG
from coverpay.celery import app
from coverpay.kernel import bus
from coverpay.kernel.bus import Event
from coverpay.kernel.errors import DomainError
from coverpay.reference.code import below
from tests.architecture.tree import Source, name_of, report, sources


def said(call: str, keyword: str = "") -> list[tuple[str, str]]:
    """Every text given to a call of this name (its first argument, or a keyword), with the place."""
    return [(f"{source.path}:{line}", word) for source in sources() for line, word in _said(source, call, keyword)]


def _said(source: Source, call: str, keyword: str) -> list[tuple[int, str]]:
    given = [
        next((word.value for word in node.keywords if word.arg == keyword), None) if keyword else node.args[0]
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and name_of(node.func) == call and (keyword or node.args)
    ]
    return [
        (node.lineno, node.value) for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_every_event_is_in_the_wiring_table() -> None:
    missing = set(below(Event)) - set(bus.table())
    assert not missing, f"coverpay/wiring.py does not say who hears {missing}"


def test_the_catalog_lists_exactly_the_public_events_that_are_recorded() -> None:
    recorded = [word for call in ("events.record", "_event") for word in said(call, "type" if "." in call else "")]
    unknown = [
        f"{place}: {word} is not in compliance.events.CATALOG" for place, word in recorded if word not in CATALOG
    ]
    assert not unknown, report(unknown)
    written = {word for source in sources() for word in _texts(source) if source.path != "compliance/events.py"}
    never = [
        f"compliance.events.CATALOG promises {word}, which nothing records" for word in CATALOG if word not in written
    ]
    assert not never, report(never)


def _texts(source: Source) -> set[str]:
    nodes = ast.walk(source.tree)
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_whatever_is_woken_exists() -> None:
    app.loader.import_default_modules()
    woken = [*said("jobs.wake"), *(("CELERY_BEAT_SCHEDULE", str(entry["task"])) for entry in _beat())]
    lost = [f"{place}: no task is named {task}" for place, task in woken if task not in app.tasks]
    assert woken
    assert not lost, report(lost)


def test_every_task_is_woken_by_something() -> None:
    app.loader.import_default_modules()
    woken = {task for _, task in said("jobs.wake")} | {str(entry["task"]) for entry in _beat()}
    idle = [name for name in app.tasks if not name.startswith("celery.") and name not in woken]
    assert not idle, report([f"nothing wakes {name}" for name in idle])


def _beat() -> list[dict[str, object]]:
    return list(settings.CELERY_BEAT_SCHEDULE.values())


def test_every_error_has_a_code_of_its_own_and_says_what_it_means() -> None:
    errors = below(DomainError)
    codes = Counter(error.__dict__.get("code", f"(none: {error.__qualname__})") for error in errors)
    shared = [f"the code {code} belongs to {count} errors" for code, count in codes.items() if count > 1]
    none = [f"{error.__qualname__} has no code of its own" for error in errors if "code" not in error.__dict__]
    mute = [f"{error.__module__}.{error.__qualname__} has no docstring" for error in errors if not error.__doc__]
    assert not shared + none + mute, report(sorted(shared + none + mute))
