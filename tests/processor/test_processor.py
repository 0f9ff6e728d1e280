"""The fault-injecting processor is what it says: idempotent, honest in its books, and still there when killed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from coverpay.demo.processor import balance, events, wire
from coverpay.demo.processor.client import Processor

KEY = "sk_test_books"


class Asker:
    """A processor of its own, and a plain HTTP client for it."""

    def __init__(self, processor: Processor) -> None:
        self.processor = processor

    def post(self, path: str, key: str = "", secret: str = KEY, **params: str) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        url = f"{self.processor.url}/v1/{path}"
        return requests.post(url, data=params, headers=headers, auth=(secret, ""), timeout=5)

    def charge(self, key: str = "", token: str = "pm_card_visa", amount: int = 10_000) -> requests.Response:
        return self.post(
            "payment_intents", key, amount=str(amount), currency="usd", confirm="true", payment_method=token
        )

    def totals(self) -> dict[str, Any]:
        told: dict[str, Any] = self.processor.ask("totals", account=KEY)
        return told


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processor]:
    with Processor(tmp_path_factory.mktemp("processor") / "books.sqlite3") as processor:
        yield processor


@pytest.fixture
def asker(running: Processor) -> Asker:
    return Asker(running)


def test_the_same_key_gives_the_same_answer_and_another_request_under_it_is_an_error(asker: Asker) -> None:
    before = len(asker.totals()["charges"])
    first, again = asker.charge("key-1"), asker.charge("key-1")
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = asker.charge("key-1", amount=10_001)
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(asker.totals()["charges"]) == before + 1


def test_a_decline_is_kept_under_its_key_and_a_bad_request_is_not(asker: Asker) -> None:
    declined = [asker.charge("key-2", "pm_card_chargeDeclined") for _ in range(2)]
    assert [answer.status_code for answer in declined] == [402, 402]
    assert declined[0].json() == declined[1].json()
    assert asker.charge("key-3", "pm_nobody_knows").status_code == 400
    assert asker.charge("key-3").status_code == 200


def test_a_second_request_while_the_first_is_at_work_is_a_conflict(asker: Asker) -> None:
    asker.processor.ask("settings", work_seconds=0.5)
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(answer.status_code for answer in pool.map(asker.charge, ["key-4"] * 4))
    asker.processor.ask("settings", work_seconds=0)
    assert codes == [200, 409, 409, 409]


def test_a_wrong_key_is_turned_away_and_each_key_has_books_of_its_own(asker: Asker) -> None:
    assert asker.post("payment_intents", secret="nonsense").status_code == 401
    asker.charge("key-5")
    assert asker.processor.ask("totals", account="sk_test_other")["charges"] == []


def test_what_was_taken_and_what_a_key_answered_outlives_a_power_cut(asker: Asker) -> None:
    first = asker.charge("key-6").json()
    before = asker.totals()
    asker.processor.kill()
    asker.processor.start()
    assert asker.totals() == before
    assert asker.charge("key-6").json() == first


def test_fees_and_payouts_add_up_to_an_empty_balance(asker: Asker) -> None:
    asker.charge("key-7", amount=535_900)
    asker.processor.ask("close_day", account=KEY, on="2026-02-02")
    books = asker.totals()
    assert books["balance"] == 0
    assert books["paid_out"] == books["held"] - books["fees"]
    assert balance.fee("card", 535_900) == 15_571
    assert [balance.fee("us_bank_account", amount) for amount in (100, 20_000, 1_000_000)] == [1, 160, 500]


def test_a_fault_that_was_asked_for_happens_as_often_as_was_asked(asker: Asker) -> None:
    asker.processor.ask("faults", place="POST /v1/payment_intents", fault="unavailable", times=2)
    assert [asker.charge().status_code for _ in range(3)] == [503, 503, 200]


def test_chance_is_seeded(asker: Asker) -> None:
    noise = {"place": "GET /v1/payouts", "seed": 7, "ppm": 500_000, "faults": ["unavailable", "busy"]}
    asker.processor.ask("settings", noise=[noise])
    url = f"{asker.processor.url}/v1/payouts"
    codes = {requests.get(url, auth=(KEY, ""), timeout=5).status_code for _ in range(40)}
    asker.processor.ask("settings", noise=[])
    assert codes == {200, 429, 503}


def test_webhooks_are_delivered_signed_lost_twice_and_again_when_refused(asker: Asker) -> None:
    with Endpoint() as endpoint:
        asker.processor.ask("endpoint", account=KEY, url=endpoint.url, secret="whsec_1")
        plan = {"seed": 3, "lost_ppm": 300_000, "twice_ppm": 300_000, "late_seconds": 0.2}
        asker.processor.ask("settings", deliveries=plan)
        made = [asker.charge().json()["id"] for _ in range(30)]
        while asker.processor.ask("undelivered", account=KEY):
            asker.processor.ask("deliver")
        asker.processor.ask("settings", deliveries={})
    names = [json.loads(body)["id"] for _, body in endpoint.accepted]
    assert all(header == events.signature("whsec_1", body, int(header[2:12])) for header, body in endpoint.accepted)
    assert 0 < len(set(names)) < len(made)
    assert len(names) > len(set(names))
    assert endpoint.refused == 1


class Endpoint:
    """A receiver that refuses the first webhook it is sent, and keeps all others."""

    def __init__(self) -> None:
        self.refused = 0
        self.accepted: list[tuple[str, bytes]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                first = endpoint.refused == 0
                endpoint.refused += first
                if not first:
                    endpoint.accepted.append((self.headers["Stripe-Signature"], body))
                self.send_response(500 if first else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def __enter__(self) -> Endpoint:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_forms_are_read_as_they_nest() -> None:
    assert wire.form("a[b][c]=1&d[]=x&d[]=y&e=") == {"a": {"b": {"c": "1"}}, "d": {"0": "x", "1": "y"}, "e": ""}
