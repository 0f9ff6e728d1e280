"""Who is asking: a person, an integration, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller, acting for one organization, with what that membership or key may do.

    `organization_id` is None only for the system and for installation superusers; `sees_all` says so aloud.
    """

    kind: Literal["user", "api_key", "system"]
    id: str
    organization_id: str | None
    permissions: frozenset[str] = field(default_factory=frozenset)
    label: str = ""
    sees_all: bool = False


def system(name: str) -> Actor:
    """The system acting on its own rows, e.g. ``system("sweep")``. Never made from a request."""
    return Actor(kind="system", id=name, organization_id=None, label=name, sees_all=True)
