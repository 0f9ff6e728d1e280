"""Permits, rules and moratoriums over the API."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.models import Organization
from compliance.permissions import ROLE_PERMISSIONS, Permission
from tests.support import world
from tests.support.world import Api

pytestmark = pytest.mark.django_db
PERMIT = {"action": "invoice.write_off", "object_id": "inv_01", "amount_minor": 12_500, "reason": "bankrupt"}
QUESTION = {
    "rule": "noc_nonpay_days",
    "jurisdiction": "AL",
    "on": "2026-02-02",
    "conditions": {"initiator": "insurer", "reason": "nonpayment"},
}


@pytest.fixture
def ours(still: dt.datetime) -> Organization:
    return world.organization()


def keyed(of: Organization, role: str) -> Api:
    return world.api(of, *[Permission(one) for one in ROLE_PERMISSIONS[role]])


def test_one_key_asks_and_another_approves(ours: Organization) -> None:
    clerk, chief = keyed(ours, "billing"), keyed(ours, "finance")
    asked = clerk.post("permits", PERMIT)
    assert asked.status_code == 201
    permit = asked.json()
    assert (permit["state"], permit["amount_minor"], permit["currency"]) == ("requested", 12_500, "USD")
    forbidden = clerk.post(f"permits/{permit['id']}/approve", {})
    assert (forbidden.status_code, forbidden.json()["permission"]) == (403, "approvals.decide")
    approved = chief.post(f"permits/{permit['id']}/approve", {"reason": "seen"})
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert [row["id"] for row in clerk.get("permits", state="approved").json()["data"]] == [permit["id"]]


def test_a_key_never_approves_what_it_asked_for_itself(ours: Organization) -> None:
    chief = keyed(ours, "finance")
    permit = chief.post("permits", PERMIT).json()
    refused = chief.post(f"permits/{permit['id']}/approve", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "approved_by_asker")
    other = keyed(ours, "finance").post(f"permits/{permit['id']}/refuse", {"reason": "not yet"})
    assert (other.json()["state"], other.json()["decided_reason"]) == ("refused", "not yet")


def test_facts_are_searched_by_rule_and_state_and_paged(ours: Organization) -> None:
    api = keyed(ours, "compliance")
    found = api.get("rule-facts", rule="noc_nonpay_days", jurisdiction="CA").json()
    assert [fact["id"] for fact in found["data"]] == ["noc-0020", "noc-0022", "noc-0024"]
    assert found["data"][1]["verify_reason"] == ["secondary_source"] and found["next"] is None
    first = api.get("rule-facts", topic="sl_tax").json()
    rest = api.get("rule-facts", topic="sl_tax", after=first["next"]).json()
    assert (len(first["data"]), len(rest["data"]), rest["next"]) == (100, 78, None)
    for wrong in ({"topic": "none"}, {"state": "CA"}, {"after": "noc-9999"}):
        assert api.get("rule-facts", **wrong).status_code in (404, 422)


def test_a_lookup_says_what_to_decide_and_a_decision_answers_it(ours: Organization) -> None:
    api = keyed(ours, "compliance")
    open_question = api.post("rule-lookups", QUESTION).json()
    assert open_question["value"] is None and "decide a value" in open_question["needs_decision"]
    decision = {name: QUESTION[name] for name in ("rule", "jurisdiction", "conditions")}
    decided = api.post("rule-decisions", {**decision, "value": 10, "reason": "by the policy form"})
    assert decided.status_code == 201, decided.json()
    answered = api.post("rule-lookups", QUESTION).json()
    assert (answered["value"], answered["needs_decision"]) == (10, "")
    assert answered["decision_id"] == decided.json()["id"] == api.get("rule-decisions").json()["data"][0]["id"]
    assert answered["considered"][0]["verdict"] == "taken: decided, by the policy form"
    assert keyed(ours, "finance").post("rule-decisions", {**decision, "value": 9, "reason": "no"}).status_code == 403


def test_a_rate_is_answered_with_every_digit(ours: Organization) -> None:
    asked = {"rule": "sl_stamping_fee_rate", "jurisdiction": "TX", "admitted": "surplus", "on": "2022-06-01"}
    assert str(keyed(ours, "compliance").post("rule-lookups", asked).json()["value"]) == "0.075"


def test_a_moratorium_is_declared_and_lifted(ours: Organization) -> None:
    api = keyed(ours, "compliance")
    said = {"name": "Maui fires", "state_code": "HI", "starts_on": "2026-02-01", "ends_on": "2026-03-01"}
    made = api.post("moratoriums", {**said, "postal_prefixes": ["967"]})
    assert (made.status_code, made.json()["postal_prefixes"]) == (201, ["967"])
    lifted = api.post(f"moratoriums/{made.json()['id']}/lift", {})
    assert (lifted.status_code, lifted.json()["lifted_on"]) == (200, "2026-02-02")
    wrong = api.post("moratoriums", {**said, "ends_on": "2026-01-01"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "ends_on")
