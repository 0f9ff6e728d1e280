"""Talk to Stripe's REST API: one request, one answer, and what its status means for a request that moves money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from payments.gateways.base import Connection, NotSent
from payments.gateways.http import CONNECT_SECONDS, READ_SECONDS, Line, Lost, Reply
from payments.gateways.stripe_wire import form

BASE_URL = "https://api.stripe.com"
VERSION = "2026-02-25.clover"
"""Pinned: the shapes that `stripe_wire` reads are those of this version."""
PAGE = 100
MAX_SECONDS = 120
_TURNED_AWAY = {401: "the key is not valid", 403: "the key may not do this", 429: "too many requests"}


class Refused(Exception):
    """Stripe decided, and the answer is an error: a decline, or a request it cannot carry out."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("code") or error.get("type") or status))
        self.status = status
        self.error = error


class Api:
    """Stripe for one account: our key, or a connected account's through it."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        headers = {"Stripe-Version": VERSION}
        if settings.get("connected_account"):
            headers["Stripe-Account"] = str(settings["connected_account"])
        self._base = str(settings.get("base_url") or BASE_URL).rstrip("/") + "/v1/"
        self._line = Line(
            headers=headers,
            auth=(connection.credentials.get("secret_key", ""), ""),
            connect_seconds=_seconds(settings.get("connect_seconds"), CONNECT_SECONDS),
            read_seconds=_seconds(settings.get("read_seconds"), READ_SECONDS),
        )

    def post(self, path: str, params: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """Act, once for a key. Raises: NotSent, Lost, Refused."""
        return _told(self._line.send("POST", self._base + path, headers={"Idempotency-Key": key}, data=form(params)))

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Look. Looking moves nothing, so no answer is as good as not asked. Raises: NotSent, Refused."""
        try:
            return _told(self._line.send("GET", self._base + path, params=form(params or {})))
        except Lost as error:
            raise NotSent(str(error)) from None

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """Look through a list, page by page, newest first. Raises: NotSent, Refused."""
        after = None
        while True:
            page = self.get(path, {**params, "limit": PAGE, "starting_after": after})
            rows = page.get("data")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise NotSent("the list cannot be read")
            yield rows
            if not page.get("has_more") or not rows:
                return
            after = rows[-1].get("id")


def _seconds(wanted: object, default: int) -> int:
    """What an account wants to wait, if that is a time one can wait."""
    return wanted if isinstance(wanted, int) and 1 <= wanted <= MAX_SECONDS else default


def _told(reply: Reply) -> dict[str, Any]:
    """Read an answer. Raises: NotSent for what was turned away unread, Lost for what may have been done, Refused."""
    if reply.status in _TURNED_AWAY:
        raise NotSent(f"Stripe turned it away: {_TURNED_AWAY[reply.status]}")
    if reply.status >= 500 or reply.status == 409 or 300 <= reply.status < 400:
        raise Lost(f"status {reply.status}")
    told = reply.json()
    if reply.status < 300:
        return told
    error = told.get("error")
    if not isinstance(error, dict):
        raise Lost(f"status {reply.status} without an error we can read")
    if error.get("type") in ("idempotency_error", "api_error"):
        raise Lost(f"status {reply.status}: {error['type']}")
    raise Refused(reply.status, error)
