"""One request to a processor, and whether it may have arrived.

What surely did not arrive, or was surely turned away unread, is `NotSent`. What may have arrived and brought back no
answer that can be read is `Lost`: of a charge nobody can say then whether it was taken. Nothing is sent twice here.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as TlsError

from payments.gateways.base import NotSent

CONNECT_SECONDS = 5
READ_SECONDS = 30
MAX_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 4096
_NEVER_LEFT = (NewConnectionError, ConnectTimeoutError)
_OUR_MISTAKES = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)


class Lost(Exception):
    """The request may have been carried out, and no answer that can be read came back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises: Lost."""
        try:
            told = json.loads(self.body)
        except ValueError:
            raise Lost(f"status {self.status} with a body that is no JSON") from None
        if not isinstance(told, dict):
            raise Lost(f"status {self.status} with a body that is no JSON object")
        return told


class Line:
    """A way to one processor: what every request carries, and how long to wait for an answer.

    The answer has to be whole within twice the time that the processor may be silent, however slowly it trickles.
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        auth: tuple[str, str] | None = None,
        connect_seconds: int = CONNECT_SECONDS,
        read_seconds: int = READ_SECONDS,
    ) -> None:
        self._session = requests.Session()
        self._session.headers.update({"Accept-Encoding": "identity", **headers})
        self._session.auth = auth
        self._timeout = (connect_seconds, read_seconds)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Any = None,
        data: Any = None,
    ) -> Reply:
        """Send once, following no redirect. Raises: NotSent, Lost."""
        whole_by = time.monotonic() + 2 * self._timeout[1]
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers or {}),
                params=params,
                data=data,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return Reply(answer.status_code, answer.headers, _read(answer, whole_by))
        except requests.RequestException as error:
            if surely_not_sent(error):
                raise NotSent(_words(error)) from None
            raise Lost(_words(error)) from None


def surely_not_sent(error: requests.RequestException) -> bool:
    """Whether no byte of the request can have reached the processor."""
    if isinstance(error, (requests.exceptions.ConnectTimeout, *_OUR_MISTAKES)):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, ProxyError):
        cause = cause.original_error
    if isinstance(cause, TlsError):
        return any(isinstance(inner, ssl.SSLCertVerificationError) for inner in cause.args)
    return isinstance(cause, _NEVER_LEFT)


def _read(answer: requests.Response, whole_by: float) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BYTES:
            raise Lost("an answer longer than any we know")
        if time.monotonic() > whole_by:
            raise Lost("an answer that takes too long")
    return bytes(body)


def _words(error: requests.RequestException) -> str:
    """What happened, without addresses or anything that was sent."""
    words = {
        requests.exceptions.ConnectTimeout: "no connection in time",
        requests.exceptions.ReadTimeout: "no answer in time",
        requests.exceptions.SSLError: "no connection that can be trusted",
        requests.exceptions.ConnectionError: "no connection",
        requests.exceptions.ChunkedEncodingError: "an answer that broke off",
    }
    if isinstance(error, requests.exceptions.ConnectionError) and not surely_not_sent(error):
        return words.get(type(error), "the connection broke off")
    return words.get(type(error), type(error).__name__)
