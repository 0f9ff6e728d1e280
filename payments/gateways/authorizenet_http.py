"""Talk to Authorize.Net: one address, one JSON object a request, and what its message codes mean for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from payments.gateways import authorizenet_wire as wire
from payments.gateways.base import Connection, NotSent
from payments.gateways.http import CONNECT_SECONDS, READ_SECONDS, Line, Lost, Reply

BASE_URL = "https://api.authorize.net/xml/v1/request.api"
PAGE = 1000
MAX_PAGES = 20


class Refused(Exception):
    """The request was read and turned down as it is: a token or a field that is not valid."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Api:
    """Authorize.Net for one account: its login id and transaction key go into every request."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        self._url = str(settings.get("base_url") or BASE_URL)
        self._login = {
            "name": connection.credentials.get("login_id", ""),
            "transactionKey": connection.credentials.get("transaction_key", ""),
        }
        self._line = Line(
            headers={"Content-Type": "application/json"},
            connect_seconds=int(settings.get("connect_seconds") or CONNECT_SECONDS),
            read_seconds=int(settings.get("read_seconds") or READ_SECONDS),
        )

    def ask(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request. Raises: NotSent, Lost, Refused."""
        content = json.dumps({name: {"merchantAuthentication": self._login, **body}})
        return _told(self._line.send("POST", self._url, data=content.encode()))

    def look(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Look. Looking moves nothing, so no answer is as good as not asked. Raises: NotSent."""
        try:
            return self.ask(name, body)
        except Refused as error:
            if error.code in wire.NO_RECORD:
                return {}
            raise NotSent(f"Authorize.Net will not show it: {error} ({error.code})") from None
        except Lost as error:
            raise NotSent(str(error)) from None

    def pages(self, name: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Look through a list of transactions, newest first. Raises: NotSent, also when it does not end."""
        sorting = {"orderBy": "submitTimeUTC", "orderDescending": True}
        for number in range(1, MAX_PAGES + 1):
            asked = {**body, "sorting": sorting, "paging": {"limit": str(PAGE), "offset": str(number)}}
            rows = self.look(name, asked).get("transactions") or []
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise NotSent("the list cannot be read")
            yield from rows
            if len(rows) < PAGE:
                return
        raise NotSent("more transactions than can be looked through")


def _told(reply: Reply) -> dict[str, Any]:
    """Read an answer; a refused transaction is one, with its own response. Raises: NotSent, Lost, Refused."""
    if reply.status == 429:
        raise NotSent("Authorize.Net turned it away: too many requests")
    if reply.status != 200:
        raise Lost(f"status {reply.status}")
    try:
        told = wire.read(reply.body)
        messages = told["messages"]
        first = messages["message"][0]
        result, code, text = messages["resultCode"], str(first["code"]), str(first["text"])
    except (ValueError, KeyError, TypeError, IndexError):
        raise Lost("an answer that cannot be read") from None
    if result == "Ok" or isinstance(told.get("transactionResponse"), dict):
        return told
    if code in wire.TURNED_AWAY:
        raise NotSent(f"Authorize.Net turned it away: {text} ({code})")
    if code in wire.UNSURE:
        raise Lost(f"{text} ({code})")
    raise Refused(code, text)
