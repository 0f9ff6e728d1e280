"""What is sent to Stripe, to the letter, and what never is."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from coverpay.kernel import clock, ids
from coverpay.kernel.money import Money
from payments.gateways import stripe_wire as wire
from payments.gateways.base import Charge, Connection, NotSent, Status
from payments.gateways.stripe import Stripe
from payments.gateways.stripe_http import VERSION

KEY = "sk_test_secret"
CHARGE = Charge("att_1", "m1", Money(535_900), "card", "pm_1", description="Invoice A-1", customer="cus_1")


class Listener:
    """A server that keeps what it is sent and gives one answer to everything."""

    def __init__(self, status: int = 200, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, sent))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def gateway(self, **settings: Any) -> Stripe:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return Stripe(Connection("m1", {"secret_key": KEY}, {"base_url": url, "read_seconds": 1, **settings}))


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


def test_a_charge_carries_our_reference_as_key_and_metadata_and_the_pinned_version(listener: Listener) -> None:
    listener.gateway(connected_account="acct_9").charge(CHARGE)
    method, path, headers, sent = listener.seen[0]
    assert (method, path) == ("POST", "/v1/payment_intents")
    assert headers["idempotency-key"] == "att_1"
    assert headers["stripe-version"] == VERSION
    assert headers["stripe-account"] == "acct_9"
    assert headers["authorization"] == "Basic c2tfdGVzdF9zZWNyZXQ6"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert sent == (
        "amount=535900&currency=usd&confirm=true&payment_method=pm_1&payment_method_types%5B%5D=card&customer=cus_1"
        "&capture_method=automatic&off_session=true&description=Invoice+A-1"
        "&metadata%5Bcoverpay_reference%5D=att_1&expand%5B%5D=latest_charge"
    )


def test_a_charge_that_is_only_held_a_present_payor_and_a_bank_debit_say_so() -> None:
    held = dict(wire.form(wire.charge_params(replace(CHARGE, capture=False, present=True))))
    assert held["capture_method"] == "manual"
    assert "off_session" not in held and held["error_on_requires_action"] == "true"
    debit = dict(wire.form(wire.charge_params(replace(CHARGE, method="ach"))))
    assert debit["payment_method_types[]"] == "us_bank_account"


@pytest.mark.parametrize(("amount", "sent"), [(Money(1_000, "JPY"), "1000"), (Money(12_340, "KWD"), "12340")])
def test_amounts_are_minor_units_also_of_currencies_without_cents(amount: Money, sent: str) -> None:
    assert dict(wire.form(wire.charge_params(replace(CHARGE, amount=amount))))["amount"] == sent


@pytest.mark.parametrize("status", [401, 403, 429])
def test_what_is_turned_away_unread_was_not_sent(status: int) -> None:
    with pytest.raises(NotSent) as said:
        Listener(status, b'{"error": {"message": "bad key sk_test_secret"}}').gateway().charge(CHARGE)
    assert KEY not in str(said.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"error": {"type": "api_error"}}'), (502, b""), (409, b'{"error": {"type": "idempotency_error"}}'),
        (400, b'{"error": {"type": "idempotency_error"}}'), (400, b"not json"), (402, b"[]"), (404, b'{"error": 1}'),
        (200, b"<html>"), (200, b"{}"), (200, b"[1]"), (200, b'{"id": 7, "status": "succeeded"}'), (302, b""),
        (200, b'{"id": "pi_1", "status": "odd", "currency": "usd"}'),
        (200, b'{"id": "pi_1", "status": "succeeded", "currency": "usd", "amount_received": 1.5}'),
        (200, b'{"id": "pi_1", "status": "requires_confirmation", "currency": "usd"}'),
    ],
)  # fmt: skip
def test_what_cannot_be_read_leaves_the_charge_unknown(status: int, body: bytes) -> None:
    headers = {"Location": "http://127.0.0.1:1/elsewhere"} if status == 302 else {}
    listening = Listener(status, body, headers)
    assert listening.gateway().charge(CHARGE).status is Status.UNKNOWN
    assert len(listening.seen) == 1


def test_nothing_listening_and_no_such_host_are_not_sent() -> None:
    for url in ("http://127.0.0.1:1", "http://nowhere.invalid"):
        with pytest.raises(NotSent):
            Stripe(Connection("m1", {"secret_key": KEY}, {"base_url": url})).charge(CHARGE)


def test_an_untrusted_certificate_is_not_sent_to(tmp_path: Path) -> None:
    listening = Listener()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "own.pem"))
    listening.server.socket = context.wrap_socket(listening.server.socket, server_side=True)
    url = f"https://127.0.0.1:{listening.server.server_port}"
    with pytest.raises(NotSent, match="no connection that can be trusted"):
        Stripe(Connection("m1", {"secret_key": KEY}, {"base_url": url})).charge(CHARGE)
    assert listening.seen == []


def self_signed(file: Path) -> Path:
    """A certificate that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = clock.now()
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    signed = made.sign(key, hashes.SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return file


def test_the_key_is_in_no_message_and_no_representation(listener: Listener) -> None:
    gateway = listener.gateway()
    assert KEY not in repr(gateway)
    listener.server.shutdown()
    listener.server.server_close()
    with pytest.raises(NotSent) as refused:
        gateway.charge(CHARGE)
    assert KEY not in str(refused.value) and refused.value.__cause__ is None


def test_evidence_without_a_heading_of_stripes_goes_into_the_text_under_its_name() -> None:
    assert wire.evidence({"product_description": "Cover", "policy": "HPU-1", "uncategorized_text": "See all."}) == {
        "product_description": "Cover",
        "uncategorized_text": "See all.\npolicy: HPU-1",
    }
    assert wire.evidence({"product_description": "Cover"}) == {"product_description": "Cover"}


def test_the_time_of_an_id_of_ours_is_read_from_it() -> None:
    assert wire.made_at("att_01kjmma7m20000000000000007") == dt.datetime(2026, 3, 1, 12, 0, 5, 250_000, dt.UTC)
    before, made = clock.now(), wire.made_at(ids.new("att"))
    assert made is not None and made >= before.replace(microsecond=0)
    for other in ("", "att_nobody", "att_" + "u" * 26, "att_" + "z" * 26):
        assert wire.made_at(other) is None
