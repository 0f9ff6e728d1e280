"""Forms as the API takes them, and errors as it gives them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl


class Refused(Exception):
    """An answer that is an error: status, and the error object."""

    def __init__(self, status: int, type: str, message: str, *, kept: bool = False, **facts: Any) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.error = {"type": type, "message": message, **facts}


def invalid(message: str, *, status: int = 400, **facts: Any) -> Refused:
    return Refused(status, "invalid_request_error", message, **facts)


def missing(what: str, name: str) -> Refused:
    return invalid(f"No such {what}: '{name}'", status=404, code="resource_missing", param=what)


def form(text: str) -> dict[str, Any]:
    """Read `a[b]=c&expand[]=d` into nested dictionaries and lists."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, *inner = name.replace("]", "").split("[")
        place: dict[str, Any] = found
        for key in inner:
            place = place.setdefault(head, {})
            head = key or str(len(place))
        place[head] = value
    return found


def listed(params: dict[str, Any], name: str) -> list[str]:
    """A list parameter, however it was numbered."""
    return list(params.get(name, {}).values())


def whole(params: dict[str, Any], name: str, default: int | None = None) -> int:
    """A whole number above zero. Raises: Refused."""
    text = params.get(name)
    if text is None and default is not None:
        return default
    if text is None:
        raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if not str(text).isdecimal() or int(text) < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param=name)
    return int(text)


def flag(params: dict[str, Any], name: str) -> bool:
    return params.get(name) == "true"
