"""What every registered gateway must do about webhooks: replayed, changed, old, or signed by somebody else."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from payments.gateways.base import BadSignature, DisputeNews, News, NotSent, Status, Unreadable
from tests.contracts.bench import Bench
from tests.contracts.gateways import BENCHES

SIGNING = [name for name, bench in BENCHES.items() if bench.signs]
TOKENS = [pytest.param(name, token, id=f"{name}-{token}") for name in SIGNING for token in BENCHES[name].tokens]
SECRETS = [(name, secret) for name in SIGNING for secret in BENCHES[name].wrong_secrets]
CHANGES = [(name, change) for name in SIGNING for change in BENCHES[name].tampered]
BODIES = [(name, body) for name in SIGNING for body in BENCHES[name].unreadable]
each_signing = pytest.mark.parametrize("name", SIGNING)
each_dated = pytest.mark.parametrize("name", [name for name in SIGNING if BENCHES[name].dated])


@pytest.mark.parametrize(("name", "token"), TOKENS)
def test_its_webhooks_verify_and_tell_of_our_reference(bench: Bench, token: str) -> None:
    charge, truth = bench.charge(token), bench.tokens[token][1]
    with suppress(NotSent):
        bench.take(charge)
    bench.time_passes()
    number = bench.gateway.fetch("m1", charge.reference).gateway_reference
    webhooks = bench.webhooks()
    assert bool(webhooks) == (truth is not Status.NOT_FOUND)
    told: list[News | DisputeNews] = []
    for headers, body in webhooks:
        assert bench.gateway.verify(headers, body, secret=bench.secret).external_id
        told += bench.gateway.parse(body)
    for item in told:
        names = item.gateway_reference if isinstance(item, DisputeNews) else item.outcome.gateway_reference
        assert item.reference == charge.reference or (item.reference == "" and names == number)
    ends = [item.outcome.status for item in told if isinstance(item, News)]
    if ends and token not in bench.unordered:
        assert ends[-1] is truth


@each_signing
def test_a_repeated_webhook_has_the_same_identity_and_another_has_another(bench: Bench) -> None:
    bench.take(bench.charge())
    bench.take(bench.charge(minor=10_000))
    (first, *_, last) = bench.webhooks()
    names = [bench.gateway.verify(*webhook, secret=bench.secret).external_id for webhook in (first, first, last)]
    assert names[0] == names[1] != names[2]


def test_the_sandbox_tells_a_duplicate_three_times(tmp_path: Path) -> None:
    bench = BENCHES["sandbox"](tmp_path)
    bench.take(bench.charge("tok_duplicate_webhook"))
    assert len({headers["webhook-id"] for headers, _ in bench.webhooks()}) == 1
    assert len(bench.webhooks()) == 3


@pytest.mark.parametrize(("name", "secret"), SECRETS)
def test_an_empty_or_wrong_secret_verifies_nothing(bench: Bench, secret: str) -> None:
    headers = bench.headers(bench.body())
    with pytest.raises(BadSignature):
        bench.gateway.verify(headers, bench.body(), secret=secret)


@each_signing
def test_what_another_account_signed_is_refused(bench: Bench, tmp_path: Path) -> None:
    other = type(bench)(tmp_path / "other")
    with pytest.raises(BadSignature):
        bench.gateway.verify(other.headers(bench.body()), bench.body(), secret=bench.secret)


@each_dated
@pytest.mark.parametrize("minutes", [6, -6])
def test_a_webhook_from_another_time_is_refused(bench: Bench, minutes: int) -> None:
    headers = bench.headers(bench.body(), age=dt.timedelta(minutes=minutes))
    with pytest.raises(BadSignature, match="too old"):
        bench.gateway.verify(headers, bench.body(), secret=bench.secret)


@each_dated
@pytest.mark.parametrize("minutes", [4, -4])
def test_clocks_may_be_four_minutes_apart(bench: Bench, minutes: int) -> None:
    headers = bench.headers(bench.body(), age=dt.timedelta(minutes=minutes))
    assert bench.gateway.verify(headers, bench.body(), secret=bench.secret).external_id == "evt_1"


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_header_that_was_changed_is_refused(bench: Bench, change: dict[str, str]) -> None:
    headers = bench.headers(bench.body()) | change
    with pytest.raises(BadSignature):
        bench.gateway.verify(headers, bench.body(), secret=bench.secret)


@each_signing
def test_a_body_that_was_changed_and_missing_headers_are_refused(bench: Bench) -> None:
    headers = bench.headers(bench.body())
    for body in (bench.body() + b" ", b"", b"\xff\xfe"):
        with pytest.raises(BadSignature):
            bench.gateway.verify(headers, body, secret=bench.secret)
    for name in headers:
        kept = {key: value for key, value in headers.items() if key != name}
        with pytest.raises(BadSignature):
            bench.gateway.verify(kept, bench.body(), secret=bench.secret)


@each_signing
def test_header_names_in_any_case_are_read(bench: Bench) -> None:
    shouted = {key.title(): value for key, value in bench.headers(bench.body()).items()}
    assert bench.gateway.verify(shouted, bench.body(), secret=bench.secret).external_id == "evt_1"


@pytest.mark.parametrize(("name", "header", "bad"), [
    ("sandbox", "webhook-signature", "v1,AAAA {}"), ("stripe", "stripe-signature", "v1=AAAA,v0=AAAA,{}"),
])  # fmt: skip
def test_one_good_signature_of_several_is_enough(bench: Bench, header: str, bad: str) -> None:
    headers = bench.headers(bench.body())
    headers[header] = bad.format(headers[header])
    assert bench.gateway.verify(headers, bench.body(), secret=bench.secret).external_id == "evt_1"


def test_the_sandbox_signs_as_the_standard_webhooks_library_does(tmp_path: Path) -> None:
    bench = BENCHES["sandbox"](tmp_path)
    body = b'{"charge": {}}'
    assert Webhook(bench.secret).verify(body, bench.headers(body)) == {"charge": {}}


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_a_body_that_cannot_be_read_says_so(bench: Bench, body: bytes) -> None:
    with pytest.raises(Unreadable):
        bench.gateway.parse(body)


@pytest.mark.parametrize("name", [name for name, bench in BENCHES.items() if not bench.signs])
def test_a_gateway_without_webhooks_refuses_all(bench: Bench) -> None:
    with pytest.raises(BadSignature):
        bench.gateway.verify({}, b"{}", secret="whsec_something")
