"""State machines: which verb leads from which state to which."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Model

from coverpay.reference import code, markdown


@dataclass(frozen=True, slots=True, order=True)
class Jump:
    """One allowed change: from a state, by a verb, to a state."""

    source: str
    verb: str
    target: str
    meaning: str


def pages() -> dict[str, str]:
    """One page for each machine, at docs/states/<model>.md."""
    return {f"states/{model._meta.model_name}.md": _page(model, field) for model, field in code.machines()}


def jumps(model: type[Model], field: str) -> list[Jump]:
    """Every transition of a model's state field."""
    transitions = getattr(model, f"get_all_{field}_transitions")(model())
    return sorted(
        Jump(str(found.source), found.name, str(found.target), markdown.said(found.method)) for found in transitions
    )


def _page(model: type[Model], field: str) -> str:
    column = model._meta.get_field(field)
    states = [str(value) for value, _ in column.choices or ()]  # type: ignore[union-attr]
    first = str(column.get_default())  # type: ignore[union-attr]
    found = jumps(model, field)
    return markdown.page(
        f"{str(model._meta.verbose_name).capitalize()}: states",
        f"`{model.__module__}.{model.__name__}`",
        markdown.said(model),
        markdown.mermaid(_diagram(states, first, found)),
        "What each verb means:",
        markdown.table(["Verb", "Meaning"], _verbs(found)),
        "Where each verb leads from each state; an empty cell is refused, in Python and by the database:",
        _grid(states, found),
    )


def _diagram(states: list[str], first: str, found: list[Jump]) -> list[str]:
    left = {jump.source for jump in found}
    return [
        "stateDiagram-v2",
        f"    [*] --> {first}",
        *(f"    {jump.source} --> {jump.target}: {jump.verb}" for jump in found),
        *(f"    {state} --> [*]" for state in states if state not in left),
    ]


def _verbs(found: list[Jump]) -> list[tuple[str, str]]:
    return sorted({(markdown.code(jump.verb), jump.meaning) for jump in found})


def _grid(states: list[str], found: list[Jump]) -> str:
    verbs = sorted({jump.verb for jump in found})
    leads = {(jump.source, jump.verb): jump.target for jump in found}
    rows = [[state, *(leads.get((state, verb), "") for verb in verbs)] for state in states]
    return markdown.table(["State", *map(markdown.code, verbs)], rows)
