"""Send one signed request to a checked target: no redirects, no proxies, no cookies, and an end to all waiting."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from coverpay.webhooks.targets import Target

CONNECT_SECONDS = 5
TOTAL_SECONDS = 15
MAX_ANSWER_BYTES = 500
MAX_ADDRESSES = 3
_TOO_SLOW = "no complete answer in time"


class SendFailed(Exception):
    """No answer came: not reached, not secure, cut off or unreadable. The text says which."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The receiver's status and the beginning of what it said."""

    status: int
    text: str


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Reply:
    """POST to one of the target's checked addresses; the certificate must fit the host's name.

    Raises: SendFailed.
    """
    cut = threading.Event()
    try:
        with closing(_connect(target)) as raw, _cut_off(raw, cut), closing(_secure(raw, target)) as sock:
            reply = _exchange(sock, target, body, headers)
    except (OSError, http.client.HTTPException) as error:
        raise SendFailed(_TOO_SLOW if cut.is_set() else _why(error)) from error
    if cut.is_set():
        raise SendFailed(_TOO_SLOW)
    return reply


def _exchange(sock: socket.socket, target: Target, body: bytes, headers: Mapping[str, str]) -> Reply:
    connection = http.client.HTTPConnection(target.host)
    connection.sock = sock
    fixed = {"Host": target.host_header, "Connection": "close"}
    connection.request("POST", target.path, body, {**headers, **fixed})
    answer = connection.getresponse()
    text = answer.read(MAX_ANSWER_BYTES).decode("utf-8", "replace").replace("\x00", "")
    return Reply(answer.status, text)


def _connect(target: Target) -> socket.socket:
    failure = OSError("no address")
    for address in target.addresses[:MAX_ADDRESSES]:
        try:
            return socket.create_connection((address, target.port), CONNECT_SECONDS)
        except OSError as error:
            failure = error
    raise failure


def _secure(raw: socket.socket, target: Target) -> socket.socket:
    raw.settimeout(TOTAL_SECONDS)
    if not target.secure:
        return raw
    return ssl.create_default_context().wrap_socket(raw, server_hostname=target.host)


@contextmanager
def _cut_off(sock: socket.socket, cut: threading.Event) -> Iterator[None]:
    """Close the connection after TOTAL_SECONDS, however slowly the other side drips, and say so in `cut`."""
    with closing(sock.dup()) as same:
        timer = threading.Timer(TOTAL_SECONDS, _shut, [same, cut])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _shut(sock: socket.socket, cut: threading.Event) -> None:
    cut.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed already
        return


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate does not hold: {error.verify_message}"
        case ssl.SSLError():
            return f"no secure connection: {error.reason or error}"
        case TimeoutError():
            return "timed out"
        case ConnectionRefusedError():
            return "connection refused"
        case http.client.HTTPException():
            return f"unreadable answer: {type(error).__name__}"
    return str(error) or type(error).__name__
