"""What every registered gateway must do, whatever it talks to."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from coverpay.kernel.money import Money
from payments.gateways import registry, sandbox
from payments.gateways.base import BadSignature, NotSent, Status, Unreadable
from payments.gateways.registry import UnknownGateway
from tests.contracts.gateways import BENCHES

Bench = Any
TOKENS = [pytest.param(name, token, id=f"{name}-{token}") for name, bench in BENCHES.items() for token in bench.tokens]
each_gateway = pytest.mark.parametrize("name", BENCHES)
each_token = pytest.mark.parametrize(("name", "token"), TOKENS)


@pytest.fixture
def bench(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(sandbox, "SLOW_SECONDS", 0)
    return BENCHES[name](tmp_path)


def test_every_registered_gateway_is_held_to_this_contract() -> None:
    assert set(registry.names()) == set(BENCHES)
    assert set(BENCHES["sandbox"].tokens) >= set(sandbox.TOKENS)


@each_gateway
def test_a_gateway_is_found_by_its_name_and_says_what_it_can_do(bench: Bench, name: str) -> None:
    assert bench.gateway.name == name
    can = registry.entry(name).capabilities
    assert can == bench.gateway.capabilities
    assert can.methods <= {"card", "ach"}
    assert can.currencies
    assert can.max_minor > 0
    with pytest.raises(UnknownGateway) as refused:
        registry.entry("nobody")
    assert refused.value.field == "gateway"


def test_a_sandbox_that_is_switched_off_is_not_there(settings: Any) -> None:
    settings.SANDBOX_ENABLED = False
    with pytest.raises(UnknownGateway):
        registry.entry("sandbox")


@each_token
def test_each_token_ends_as_it_says_and_fetch_knows_it_by_our_reference(bench: Bench, token: str) -> None:
    reply, truth = bench.tokens[token]
    charge = bench.charge(token)
    if reply is None:
        with pytest.raises(NotSent):
            bench.gateway.charge(charge)
    else:
        assert bench.gateway.charge(charge).status is reply
    bench.time_passes()
    assert bench.gateway.fetch(charge.merchant, charge.reference).status is truth


@each_token
def test_sending_the_same_reference_again_never_takes_twice(bench: Bench, token: str) -> None:
    charge = bench.charge(token)
    for _ in range(3):
        if token != "tok_not_sent":
            bench.gateway.charge(charge)
    assert len(bench.gateway.books.charges("m1")) <= 1
    assert bench.taken_minor() in (0, 535_900, 535_900 + sandbox.WRONG_BY_MINOR)


@each_gateway
def test_the_same_reference_at_once_is_taken_once(bench: Bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(bench.gateway.charge, [bench.charge()] * 8))
    assert {outcome.status for outcome in outcomes} == {Status.SUCCEEDED}
    assert len({outcome.gateway_reference for outcome in outcomes}) == 1
    assert bench.taken_minor() == 535_900


@each_gateway
def test_a_success_says_what_was_taken_and_a_decline_says_why(bench: Bench) -> None:
    done = bench.gateway.charge(bench.charge())
    assert (done.amount, bool(done.gateway_reference)) == (Money(535_900), True)
    declined = bench.gateway.charge(bench.charge("tok_decline_expired_card"))
    assert (declined.code, declined.message) == ("expired_card", "expired card")


@each_gateway
def test_a_timeout_that_lost_the_request_succeeds_when_it_is_sent_again(bench: Bench) -> None:
    charge = bench.charge("tok_timeout_lost")
    assert bench.gateway.charge(charge).status is Status.UNKNOWN
    assert bench.gateway.charge(charge).status is Status.SUCCEEDED
    assert bench.taken_minor() == 535_900


@each_gateway
def test_what_nobody_sent_and_what_another_merchant_sent_is_not_found(bench: Bench) -> None:
    charge = bench.charge()
    bench.gateway.charge(charge)
    assert bench.gateway.fetch("m1", "att_nobody").status is Status.NOT_FOUND
    assert bench.gateway.fetch("m2", charge.reference).status is Status.NOT_FOUND


@each_gateway
def test_a_refund_gives_back_once_and_is_known_by_our_reference(bench: Bench) -> None:
    charge = bench.charge()
    bench.gateway.charge(charge)
    first, again = (bench.gateway.refund(bench.refund(charge)) for _ in range(2))
    assert first == again
    assert (first.status, first.amount) == (Status.SUCCEEDED, charge.amount)
    assert bench.gateway.fetch("m1", "rfd_1") == first
    assert bench.gateway.refund(bench.refund(charge, "rfd_2")).status is Status.DECLINED


@each_gateway
def test_a_refund_of_more_of_nothing_or_of_others_is_declined(bench: Bench) -> None:
    charge, declined = bench.charge(), bench.charge("tok_decline_expired_card")
    bench.gateway.charge(charge)
    bench.gateway.charge(declined)
    orders = [
        bench.refund(charge, "rfd_a", amount=Money(535_901)),
        bench.refund(charge, "rfd_b", merchant="m2"),
        bench.refund(charge, "rfd_c", charge_reference="att_nobody"),
        bench.refund(declined, "rfd_d"),
    ]
    assert [bench.gateway.refund(order).status for order in orders] == [Status.DECLINED] * 4


@each_token
def test_its_webhooks_verify_and_tell_of_our_reference(bench: Bench, token: str) -> None:
    charge = bench.charge(token)
    if token != "tok_not_sent":
        bench.gateway.charge(charge)
    bench.time_passes()
    webhooks = bench.webhooks()
    assert bool(webhooks) == (token not in ("tok_not_sent", "tok_timeout_lost"))
    for headers, body in webhooks:
        assert bench.gateway.verify(headers, body, secret=bench.secret).external_id == headers["webhook-id"]
        (news,) = bench.gateway.parse(body)
        assert news.reference == charge.reference
    if webhooks and token not in ("tok_out_of_order",):
        assert news.outcome.status is bench.tokens[token][1]


@each_gateway
def test_a_repeated_webhook_has_the_same_identity(bench: Bench) -> None:
    bench.gateway.charge(bench.charge("tok_duplicate_webhook"))
    webhooks = bench.webhooks()
    assert len(webhooks) == 3
    assert len({headers["webhook-id"] for headers, _ in webhooks}) == 1


BODY = b'{"charge": {}}'


@each_gateway
@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_" + "A" * 43 + "="])
def test_an_empty_or_wrong_secret_verifies_nothing(bench: Bench, secret: str) -> None:
    headers = bench.headers(BODY)
    with pytest.raises(BadSignature):
        bench.gateway.verify(headers, BODY, secret=secret)


@each_gateway
@pytest.mark.parametrize("minutes", [6, -6])
def test_a_webhook_from_another_time_is_refused(bench: Bench, minutes: int) -> None:
    headers = bench.headers(BODY, age=dt.timedelta(minutes=minutes))
    with pytest.raises(BadSignature, match="too old"):
        bench.gateway.verify(headers, BODY, secret=bench.secret)


@each_gateway
@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_2"}, {"webhook-id": ""}, {"webhook-id": "\ud800"},
        {"webhook-timestamp": "1770000000"}, {"webhook-timestamp": ""}, {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 30}, {"webhook-timestamp": "-1"}, {"webhook-timestamp": "²"},
        {"webhook-signature": ""}, {"webhook-signature": "v1"}, {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"}, {"webhook-signature": ",,,"}, {"webhook-signature": "v1,\u00e9"},
    ],
)  # fmt: skip
def test_a_header_that_was_changed_is_refused(bench: Bench, change: dict[str, str]) -> None:
    headers = bench.headers(BODY) | change
    with pytest.raises(BadSignature):
        bench.gateway.verify(headers, BODY, secret=bench.secret)


@each_gateway
def test_a_body_that_was_changed_and_missing_headers_are_refused(bench: Bench) -> None:
    headers = bench.headers(BODY)
    for body in (BODY + b" ", b"", b"\xff\xfe"):
        with pytest.raises(BadSignature):
            bench.gateway.verify(headers, body, secret=bench.secret)
    for name in headers:
        with pytest.raises(BadSignature):
            bench.gateway.verify(
                {key: value for key, value in headers.items() if key != name}, BODY, secret=bench.secret
            )


@each_gateway
def test_header_names_in_any_case_and_one_good_signature_of_several_are_enough(bench: Bench) -> None:
    headers = bench.headers(BODY)
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"
    shouted = {key.title(): value for key, value in headers.items()}
    assert bench.gateway.verify(shouted, BODY, secret=bench.secret).external_id == "evt_1"


def test_the_sandbox_signs_as_the_standard_webhooks_library_does(tmp_path: Path) -> None:
    bench = BENCHES["sandbox"](tmp_path)
    assert Webhook(bench.secret).verify(BODY, bench.headers(BODY)) == {"charge": {}}


@each_gateway
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"\xff", b"{}", b'{"charge": []}', b'{"charge": {"reference": ["x"]}}',
        b'{"charge": {"reference": "a", "status": "odd", "gateway_reference": "", "code": "", "amount": 1, '
        b'"currency": "USD"}}',
        b'{"charge": {"reference": "a", "status": "succeeded", "gateway_reference": "", "code": "", "amount": "1", '
        b'"currency": "USD"}}',
        b'{"charge": {"reference": "a", "status": "succeeded", "gateway_reference": "", "code": "", "amount": 1, '
        b'"currency": "XXX"}}',
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_says_so(bench: Bench, body: bytes) -> None:
    with pytest.raises(Unreadable):
        bench.gateway.parse(body)


@each_gateway
def test_a_payout_ties_and_names_each_charge_refund_and_return_once(bench: Bench) -> None:
    kept, given, back = bench.charge(), bench.charge(minor=10_000), bench.charge("tok_return", minor=20_000)
    for charge in (kept, given, back, bench.charge("tok_decline_expired_card"), bench.charge("tok_pending_ok")):
        bench.gateway.charge(charge)
    bench.gateway.refund(bench.refund(given))
    bench.night_falls()
    bench.time_passes()
    bench.night_falls(on=dt.date(2026, 2, 3))
    bench.night_falls(on=dt.date(2026, 2, 4))
    first, second = bench.gateway.payouts("m1", dt.date(2026, 2, 1))
    lines = [(line.kind, line.our_reference, line.gross_minor) for line in first.lines]
    assert sorted(lines) == sorted(
        [("charge", kept.reference, 535_900), ("charge", given.reference, 10_000), ("charge", back.reference, 20_000),
         ("refund", "rfd_1", -10_000)]
    )  # fmt: skip
    assert {line.kind for line in second.lines} == {"charge", "return"}
    for payout in (first, second):
        assert payout.net.amount_minor == sum(line.gross_minor - line.fee_minor for line in payout.lines)
    assert bench.gateway.payouts("m1", dt.date(2026, 2, 3)) == [second]
    assert bench.gateway.payouts("m2", dt.date(2026, 2, 1)) == []


@pytest.mark.parametrize(("gross", "fee"), [(535_900, 15_571), (10_000, 320), (1, 30), (17, 30), (18, 31)])
def test_the_sandbox_keeps_2_9_percent_and_30_cents(gross: int, fee: int) -> None:
    assert sandbox.fee_minor(gross) == fee
