"""The errors a caller can act on. Each leaf has a stable `code`; one handler renders them all (RFC 9457)."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal that changed nothing: what was wrong, in which field, and what to do."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "domain_error"

    def __init__(self, message: str, *, field: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.extra = extra


class NotFound(DomainError):
    """No such row, or one that the caller may not see."""

    status = 404
    code = "not_found"


class Forbidden(DomainError):
    """The caller may not do this; `permission` names what is missing."""

    status = 403
    code = "forbidden"


class Conflict(DomainError):
    """The present state does not allow it."""

    status = 409
    code = "conflict"


class Invalid(DomainError):
    """What was sent cannot be used; `field` says where."""

    status = 422
    code = "invalid"


class RuleViolation(DomainError):
    """A rule with a source forbids it; `citation` names the source."""

    status = 422
    code = "rule_violation"

    def __init__(self, message: str, *, citation: str, field: str | None = None, **extra: Any) -> None:
        super().__init__(message, field=field, citation=citation, **extra)


class ApprovalRequired(DomainError):
    """Someone else must approve it first."""

    status = 403
    code = "approval_required"


class Busy(DomainError):
    """Someone else holds what this needs; trying again is safe."""

    status = 503
    code = "busy"


class IllegalTransition(Conflict):
    """The object is not in a state from which this verb is allowed."""

    code = "illegal_transition"
