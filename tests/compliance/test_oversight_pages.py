"""Pages of people who watch over others: approvals, rules by state, moratoriums."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from compliance import approvals, identity
from compliance.models import Moratorium, Organization, Permit, RuleDecision
from coverpay.kernel.money import Money
from tests.support import world
from tests.support.html import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(still: dt.datetime) -> Organization:
    return world.organization()


def asked_by(user_role: str, ours: Organization) -> Permit:
    actor = world.actor(ours, user_role)
    return approvals.request(
        action="invoice.write_off", object_id="inv_01", amount=Money(12_500), reason="gone bankrupt", actor=actor
    )


def test_what_waits_is_listed_with_who_why_and_how_much_and_approved_by_another(ours: Organization) -> None:
    permit = asked_by("billing", ours)
    client = world.pages(world.member(ours, "finance"))
    text = read(client.get("/approvals/")).text
    assert "invoice.write_off" in text and "gone bankrupt" in text and "125.00" in text and "Billing" in text
    page = client.post(f"/approvals/{permit.id}/", {"verdict": "approve", "reason": "seen"}, follow=True)
    assert "invoice.write_off on inv_01 is approved." in read(page).text
    assert "Nothing waits for approval" in read(page).text
    assert "invoice.write_off" in read(client.get("/approvals/?state=approved")).text


def test_a_request_of_ones_own_says_why_it_cannot_be_approved(ours: Organization) -> None:
    member = world.member(ours, "finance")
    approvals.request(
        action="invoice.void",
        object_id="inv_02",
        amount=None,
        reason="twice",
        actor=identity.actor_for_user(member),
    )
    client = world.pages(member)
    assert "Yours: someone else must decide it." in read(client.get("/approvals/")).text
    permit = Permit.objects.get()
    assert "someone else must decide it" in read(client.get(f"/approvals/{permit.id}/")).text
    answer = client.post(f"/approvals/{permit.id}/", {"verdict": "approve"})
    assert answer.status_code == 422 and "You asked for this yourself" in read(answer).text
    assert Permit.objects.get().state == "requested"


def test_a_refusal_without_a_reason_is_shown_at_the_field(ours: Organization) -> None:
    permit = asked_by("billing", ours)
    client = world.pages(world.member(ours, "finance"))
    answer = client.post(f"/approvals/{permit.id}/", {"verdict": "refuse"})
    assert answer.status_code == 422 and "reason" in answer.context["form"].errors


def test_the_rules_of_a_state_show_value_source_and_what_a_person_decides(ours: Organization) -> None:
    client = world.pages(world.member(ours, "compliance"))
    text = read(client.get("/rules/", {"state": "CA", "line": "commercial_pc"})).text
    assert "Cal. Ins. Code 677.2" in text and "Read in the source" in text and "A person decides" in text
    assert "noc-0020" in text and "it is about personal_auto, not commercial_pc" in text
    assert "Choose a state" in read(client.get("/rules/", {"state": "ZZ"})).text


def test_a_rule_is_decided_from_its_row(ours: Organization) -> None:
    client = world.pages(world.member(ours, "compliance"))
    address = reverse("compliance:decide-rule")
    form = client.get(address, {"rule": "noc_nonpay_days", "jurisdiction": "AL"}).context["form"]
    assert (form["rule"].value(), form["effective_from"].value()) == ("noc_nonpay_days", dt.date(2026, 2, 2))
    said = {
        "rule": "noc_nonpay_days",
        "jurisdiction": "AL",
        "line": "commercial_pc",
        "conditions": "initiator=insurer, reason=nonpayment",
        "value": "10",
        "effective_from": "2026-02-02",
        "reason": "by the policy form",
        "fact_id": "noc-0005",
    }
    bad = client.post(address, {**said, "value": "ten", "conditions": "insurer"})
    assert bad.status_code == 422 and "conditions" in bad.context["form"].errors
    bad = client.post(address, {**said, "value": "ten"})
    assert bad.status_code == 422 and "value" in bad.context["form"].errors
    page = read(client.post(address, said, follow=True)).text
    assert "noc_nonpay_days in AL is 10 from 2026-02-02 on." in page and "Decided" in page
    row = RuleDecision.objects.get()
    assert (row.value, row.conditions) == (10, {"initiator": "insurer", "reason": "nonpayment"})


def test_a_moratorium_is_declared_and_lifted(ours: Organization) -> None:
    client = world.pages(world.member(ours, "compliance"))
    said = {"name": "Maui fires", "state_code": "HI", "starts_on": "2026-02-01", "ends_on": "2026-03-01"}
    page = client.post("/rules/moratoriums/", {**said, "postal_prefixes": "967, 968"}, follow=True)
    assert "Maui fires stops cancellations in HI." in read(page).text and "In force" in read(page).text
    row = Moratorium.objects.get()
    assert row.postal_prefixes == ["967", "968"]
    page = client.post(reverse("compliance:lift-moratorium", args=[row.id]), follow=True)
    assert "Lifted" in read(page).text
    bad = client.post("/rules/moratoriums/", {**said, "ends_on": "2026-01-01"})
    assert bad.status_code == 422 and "ends_on" in bad.context["form"].errors
    viewer = world.pages(world.member(ours, "billing"))
    assert "Declare one" not in read(viewer.get("/rules/moratoriums/")).text
