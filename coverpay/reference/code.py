"""Find things in our own code: every class below a base, every state machine."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import TypeVar

from django.apps import apps
from django.db.models import Model
from django_fsm import FSMField

PACKAGES = ("compliance", "policies", "reconciliation", "billing", "payments", "coverpay")
_NOT_READ = ("migrations", "management", "demo", "local", "asgi", "wsgi", "__main__")

T = TypeVar("T")


def below(base: type[T]) -> list[type[T]]:
    """Every class of ours below a base, by module and name; all our modules are imported for it."""
    _import_everything()
    found: set[type[T]] = set()
    waiting = [base]
    while waiting:
        children = waiting.pop().__subclasses__()
        found.update(children)
        waiting += children
    return sorted(filter(_is_ours, found), key=lambda kind: (kind.__module__, kind.__qualname__))


def machines() -> Iterator[tuple[type[Model], str]]:
    """Every model of ours with the name of its state field, by label."""
    for model in sorted(apps.get_models(), key=lambda model: model._meta.label):
        for field in model._meta.get_fields():
            if isinstance(field, FSMField) and model.__module__.split(".")[0] in PACKAGES:
                yield model, field.name


def _import_everything() -> None:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not set(found.name.split(".")) & set(_NOT_READ):
                import_module(found.name)


def _is_ours(kind: type) -> bool:
    """Whether the class is what its module calls by its name; `dataclass(slots=True)` leaves another behind."""
    module = kind.__module__
    return module.split(".")[0] in PACKAGES and getattr(import_module(module), kind.__name__, None) is kind
