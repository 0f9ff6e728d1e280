"""The one place that decides who sees and who may act.

Every scoped model declares `ACCESS`: the path to the organization that operates the row (bills it), the path to the
organizations that may read it, and the permission that reading takes. Every query of a page, an API route or the admin
passes through `visible` or `operable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, NotFound

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Access:
    """How rows of a model belong to organizations.

    `operator` and `reader` are lookup paths that end at an organization id. A reader path through participants matches
    at most one row per organization (unique constraint), so that no list shows a row twice.
    """

    operator: str
    reader: str
    permission: Permission | None


class MissingAccess(TypeError):
    """A model without `ACCESS` was asked for on behalf of someone."""


def _spec(model: type[Model]) -> Access:
    spec = getattr(model, "ACCESS", None)
    if not isinstance(spec, Access):
        raise MissingAccess(f"{model.__name__} declares no ACCESS")
    return spec


def may(actor: Actor, permission: Permission) -> bool:
    return actor.sees_all or permission in actor.permissions


def require(actor: Actor, permission: Permission) -> None:
    """Raises: Forbidden, naming the permission that is missing."""
    if not may(actor, permission):
        raise Forbidden(
            f"This needs the permission {permission.value}; ask an administrator of your organization for it.",
            permission=permission.value,
        )


def visible(actor: Actor, rows: QuerySet[M]) -> QuerySet[M]:
    """Narrow rows to those the actor may read; none at all without the reading permission."""
    spec = _spec(rows.model)
    if actor.sees_all:
        return rows
    if actor.organization_id is None or (spec.permission and spec.permission not in actor.permissions):
        return rows.none()
    return rows.filter(**{spec.reader: actor.organization_id})


def operable(actor: Actor, rows: QuerySet[M]) -> QuerySet[M]:
    """Narrow rows to those the actor's organization operates."""
    if actor.sees_all:
        return rows
    if actor.organization_id is None:
        return rows.none()
    return rows.filter(**{_spec(rows.model).operator: actor.organization_id})


def get(actor: Actor, rows: QuerySet[M], id: str, *, field: str = "id") -> M:
    """Fetch one visible row. Raises: NotFound, the same for a row of others as for none."""
    return _one(visible(actor, rows), id, field)


def get_operable(
    actor: Actor,
    rows: QuerySet[M],
    id: str,
    *,
    permission: Permission,
    field: str = "id",
) -> M:
    """Fetch one row to act on it. Raises: Forbidden without the permission, NotFound for rows of others."""
    require(actor, permission)
    return _one(operable(actor, rows), id, field)


def _one(rows: QuerySet[M], id: str, field: str) -> M:
    found: Any = rows.filter(pk=id).first()
    if found is None:
        raise NotFound(f"No {rows.model._meta.verbose_name} {id}.", field=field)
    return found  # type: ignore[no-any-return]


def organization_of(actor: Actor) -> str:
    """The organization the actor acts for. Raises: Forbidden for an actor without one."""
    if actor.organization_id is None:
        raise Forbidden("Choose the organization you act for first.")
    return actor.organization_id
