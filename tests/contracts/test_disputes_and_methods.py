"""What only some gateways do, and must then do well: contest disputes, and keep payment methods."""

from __future__ import annotations

import dataclasses

import pytest

from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments.gateways.base import ContestsDisputes, DisputeNews, DisputeStatus, KeepsMethods, Status
from tests.contracts.bench import Bench
from tests.contracts.gateways import having

WINS = {"uncategorized_text": "winning_evidence"}
LOSES = {"uncategorized_text": "losing_evidence"}


def disputed(bench: Bench) -> tuple[str, list[DisputeNews]]:
    """A charge that is disputed, and what is told of it."""
    charge = bench.charge(bench.disputed)
    bench.take(charge)
    bench.time_passes()
    return charge.reference, told(bench)


def told(bench: Bench) -> list[DisputeNews]:
    return [item for _, body in bench.webhooks() for item in bench.gateway.parse(body) if isinstance(item, DisputeNews)]


@having("disputed")
def test_a_dispute_is_told_with_its_amount_its_reason_and_the_day_evidence_is_due(bench: Bench) -> None:
    reference, news = disputed(bench)
    first = news[0]
    assert first.reference == reference or first.gateway_reference == (
        bench.gateway.fetch("m1", reference).gateway_reference
    )
    assert (first.status, first.amount) == (DisputeStatus.NEEDS_RESPONSE, Money(535_900))
    assert first.withdrawn and first.reason and first.dispute
    assert first.evidence_due_at is not None and first.evidence_due_at > clock.now()
    assert {item.dispute for item in news} == {first.dispute}


@having("disputed")
def test_evidence_wins_the_money_back_once_for_a_reference(bench: Bench) -> None:
    gateway = bench.gateway
    assert isinstance(gateway, ContestsDisputes)
    name = disputed(bench)[1][0].dispute
    for _ in range(2):
        answer = gateway.contest("m1", name, reference="dsp_1", evidence=WINS)
        assert answer in (DisputeStatus.UNDER_REVIEW, DisputeStatus.WON)
    last = told(bench)[-1]
    assert (last.status, last.withdrawn) == (DisputeStatus.WON, False)


@having("disputed")
def test_evidence_that_does_not_convince_loses(bench: Bench) -> None:
    gateway = bench.gateway
    assert isinstance(gateway, ContestsDisputes)
    name = disputed(bench)[1][0].dispute
    gateway.contest("m1", name, reference="dsp_1", evidence=LOSES)
    last = told(bench)[-1]
    assert (last.status, last.withdrawn) == (DisputeStatus.LOST, True)


@having("disputed")
def test_giving_in_loses_and_doing_it_again_changes_nothing(bench: Bench) -> None:
    gateway = bench.gateway
    assert isinstance(gateway, ContestsDisputes)
    name = disputed(bench)[1][0].dispute
    for _ in range(2):
        assert gateway.accept_dispute("m1", name) is DisputeStatus.LOST
    assert gateway.contest("m1", name, reference="dsp_1", evidence=WINS) is DisputeStatus.LOST


@having("kept")
@pytest.mark.parametrize("kind", ["card", "ach"])
def test_a_method_entered_on_the_processors_element_is_kept_charged_and_forgotten(bench: Bench, kind: str) -> None:
    gateway = bench.gateway
    assert isinstance(gateway, KeepsMethods)
    setup = gateway.begin_setup("m1", "pmt_1", kind)
    assert setup.client_secret and setup.script_url
    assert gateway.begin_setup("m1", "pmt_1", kind).setup == setup.setup
    assert gateway.finish_setup("m1", setup.setup) is None
    token = dict(zip(("card", "ach"), bench.kept, strict=True))[kind]
    bench.enter(setup.setup, token)
    method = gateway.finish_setup("m1", setup.setup)
    assert method is not None
    assert (method.kind, len(method.last4), bool(method.fingerprint)) == (kind, 4, True)
    assert (method.exp_year > 0) == (kind == "card")
    charge = bench.charge(method.token, customer=method.customer)
    said = bench.take(dataclasses.replace(charge, method=kind))
    assert said.status in (Status.SUCCEEDED, Status.PENDING)
    for _ in range(2):
        gateway.forget_method("m1", method.token)
