"""Sending: the certificate is checked, the checked address is used, redirects are not followed, waiting ends."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from coverpay.webhooks import sender, targets
from coverpay.webhooks.sender import SendFailed
from coverpay.webhooks.targets import Target
from tests.support.receiver import Receiver, certificate_for, receiving


@pytest.fixture(autouse=True)
def private(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True


def _secure(host: str, receiver: Receiver) -> Target:
    return Target(secure=True, host=host, port=receiver.port, path="/", addresses=("127.0.0.1",))


def test_path_host_and_body_arrive_as_meant() -> None:
    with receiving() as receiver:
        reply = sender.post(targets.check(receiver.url), b'{"a":1}', {"X-Test": "1"})
    assert (reply.status, reply.text) == (200, "ok")
    got = receiver.received[0]
    assert (got.path, got.body, got.headers["X-Test"]) == ("/hook?from=coverpay", b'{"a":1}', "1")
    assert got.headers["Host"] == f"127.0.0.1:{receiver.port}"


def test_a_redirect_is_an_answer_not_a_way() -> None:
    with receiving() as other, receiving() as receiver:
        receiver.statuses, receiver.location = [302], other.url
        assert sender.post(targets.check(receiver.url), b"{}", {}).status == 302
    assert (len(receiver.received), other.received) == (1, [])


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving() as receiver:
        assert sender.post(targets.check(receiver.url), b"{}", {}).status == 200


def test_a_certificate_of_the_name_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusted = certificate_for("hooks.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with receiving(tls) as receiver:
        assert sender.post(_secure("hooks.example", receiver), b"{}", {}).status == 200
    assert receiver.received[0].headers["Host"] == f"hooks.example:{receiver.port}"


def test_a_certificate_of_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusted = certificate_for("hooks.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with receiving(tls) as receiver, pytest.raises(SendFailed, match="certificate"):
        sender.post(_secure("other.example", receiver), b"{}", {})
    assert receiver.received == []


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls, _ = certificate_for("hooks.example", tmp_path)
    with receiving(tls) as receiver, pytest.raises(SendFailed, match="certificate"):
        sender.post(_secure("hooks.example", receiver), b"{}", {})


def test_a_name_that_changes_after_the_check_leads_nowhere_new(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False
    asked: list[str] = []
    went: list[tuple[str, int]] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("93.184.215.14" if len(asked) == 1 else "127.0.0.1", port))]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        went.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(SendFailed, match="refused"):
        sender.post(targets.check("https://rebind.example/"), b"{}", {})
    assert (asked, went) == (["rebind.example"], [("93.184.215.14", 443)])


def test_a_receiver_that_drips_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "TOTAL_SECONDS", 0.6)
    started = time.monotonic()
    with receiving() as receiver:
        receiver.drip_seconds = 0.05
        with pytest.raises(SendFailed, match="no complete answer in time"):
            sender.post(targets.check(receiver.url), b"{}", {})
    assert time.monotonic() - started < 3


def test_only_the_beginning_of_a_long_answer_is_read() -> None:
    with receiving() as receiver:
        receiver.answer = b"\x00" + "é".encode() * 5_000_000
        assert len(sender.post(targets.check(receiver.url), b"{}", {}).text) <= 500


def test_nobody_listening_is_told_as_such() -> None:
    with receiving() as receiver:
        target = targets.check(receiver.url)
    with pytest.raises(SendFailed, match="connection refused"):
        sender.post(target, b"{}", {})


def test_what_does_not_speak_http_is_told_as_such() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        target = Target(False, "127.0.0.1", server.getsockname()[1], "/", ("127.0.0.1",))

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        threading.Thread(target=babble, daemon=True).start()
        with pytest.raises(SendFailed, match="unreadable"):
            sender.post(target, b"{}", {})
