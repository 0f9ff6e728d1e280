"""The verbs of a policy's life under /v1: what each gives, who may ask, and a typed refusal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from policies.models import Policy, Transaction
from tests.policies.test_life import DAY_100, FIRST, LAST, at, silenced
from tests.support import books, world
from tests.support.books import House
from tests.support.world import Api

pytestmark = pytest.mark.django_db

PAST_DAY = "2026-02-01"
WHY: dict[str, Any] = {"reason": "asked for"}
ENDORSE: dict[str, Any] = {"effective_on": DAY_100.isoformat(), "change_minor": 365_000, **WHY}
CANCEL: dict[str, Any] = {"effective_on": PAST_DAY}
REINSTATE: dict[str, Any] = {"effective_on": PAST_DAY, "no_loss": True, **WHY}
REWRITE: dict[str, Any] = {
    "effective_on": PAST_DAY, "term": "remainder", "number": "R-1", "premium_minor": 900_000, **WHY,
}  # fmt: skip
RENEW: dict[str, Any] = {"premium_minor": 1_300_000}
AUDIT: dict[str, Any] = {"audited_minor": 1_400_000, **WHY}
ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("issue", {}),
    ("endorse", ENDORSE),
    ("cancel", CANCEL),
    ("rescind-cancellation", WHY),
    ("reinstate", REINSTATE),
    ("rewrite", REWRITE),
    ("offer-renewal", RENEW),
    ("accept-renewal", {}),
    ("decline-renewal", WHY),
    ("expire", {}),
    ("audit", AUDIT),
    ("undo", {"transaction": "txn_0000000000000000000000000", **WHY}),
]


@pytest.fixture(autouse=True)
def silent(house: House) -> Iterator[None]:
    with silenced():
        yield


@pytest.fixture
def policy(house: House) -> Policy:
    """12,000.00 for 2026 in California."""
    return books.bound(house, effective_on=FIRST, expires_on=LAST, premium=Money(1_200_000), state="CA")


@pytest.fixture
def api(house: House) -> Api:
    return world.api(house.operator)


def done(api: Api, policy: Policy, verb: str, body: Any = None) -> Any:
    answer = api.post(f"policies/{policy.id}/{verb}", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_policy_is_issued_and_audited(api: Api, policy: Policy) -> None:
    assert done(api, policy, "issue")["state"] == "issued"
    audited = done(api, policy, "audit", AUDIT)
    assert [(row["component"], row["amount_minor"]) for row in audited["charges"]] == [("audit_premium", 200_000)]


def test_an_endorsement_is_previewed_written_and_undone(api: Api, policy: Policy) -> None:
    shown = done(api, policy, "preview-endorsement", ENDORSE)
    assert (shown["premium_minor"], Transaction.objects.filter(term__policy=policy).count()) == (265_000, 1)
    written = done(api, policy, "endorse", ENDORSE)
    assert written["charges"][0]["amount_minor"] == 265_000
    assert written["segments"][0]["starts_on"] == "2026-04-11"
    undone = done(api, policy, "undo", {"transaction": written["id"], **WHY})
    assert (undone["reverses"], undone["charges"][0]["amount_minor"]) == (written["id"], -265_000)
    listed = api.get("transactions", term__policy=policy.id).json()["data"]
    assert [row["kind"] for row in listed] == ["reversal", "endorsement", "new_business"]


def test_a_cancellation_is_previewed_announced_rescinded_made_and_lifted(api: Api, policy: Policy) -> None:
    later = {"effective_on": DAY_100.isoformat()}
    assert done(api, policy, "preview-cancellation", later)["premium_minor"] == -871_233
    assert done(api, policy, "cancel", later)["state"] == "pending"
    assert done(api, policy, "rescind-cancellation", WHY)["state"] == "rescinded"
    assert done(api, policy, "cancel", CANCEL)["state"] == "effective"
    assert done(api, policy, "reinstate", REINSTATE)["kind"] == "reinstatement"
    listed = api.get("cancellations", term__policy=policy.id).json()["data"]
    assert [row["state"] for row in listed] == ["undone", "rescinded"]


def test_a_policy_is_rewritten_as_another(api: Api, policy: Policy) -> None:
    new = done(api, policy, "rewrite", REWRITE)
    assert (new["number"], new["state"]) == ("R-1", "bound")
    assert api.get(f"policies/{policy.id}").json()["state"] == "cancelled"


def test_a_renewal_is_let_go_and_another_taken(api: Api, policy: Policy) -> None:
    assert done(api, policy, "offer-renewal", RENEW)["state"] == "offered"
    assert done(api, policy, "decline-renewal", WHY)["state"] == "not_taken"
    assert done(api, policy, "offer-renewal", RENEW)["number"] == 3
    assert done(api, policy, "accept-renewal")["state"] == "in_force"


def test_a_term_that_is_over_expires(house: House, policy: Policy) -> None:
    with at(LAST):
        assert done(world.api(house.operator), policy, "expire")["state"] == "expired"


def test_earned_premium_is_shown_by_segment_and_component(api: Api, policy: Policy) -> None:
    """Day 100 of 365: 3,287.67 of 12,000 is earned; the fee at once."""
    (term,) = api.get(f"policies/{policy.id}/earned", as_of=DAY_100.isoformat()).json()
    assert (term["written_minor"], term["earned_minor"], term["unearned_minor"]) == (1_200_000, 328_767, 871_233)
    assert [part["earned_minor"] for part in term["segments"]] == [328_767]
    assert {part["component"]: part["unearned_minor"] for part in term["components"]} == {
        "premium": 871_233, "carrier_fee": 0,
    }  # fmt: skip
    refused = api.get(f"policies/{policy.id}/earned", as_of="tomorrow")
    assert (refused.status_code, refused.json()["field"]) == (422, "as_of")
    assert api.get(f"policies/{policy.id}/earned").json()[0]["as_of"] == clock.today().isoformat()


@pytest.mark.parametrize(("verb", "body"), ROUTES)
def test_each_verb_takes_the_permission_to_write_and_the_own_policy(
    house: House, policy: Policy, verb: str, body: dict[str, Any]
) -> None:
    reader = world.api(house.operator, Permission.POLICIES_READ)
    assert reader.post(f"policies/{policy.id}/{verb}", body).status_code == 403
    stranger = world.api(world.organization("agency"))
    assert stranger.post(f"policies/{policy.id}/{verb}", body).status_code == 404
    assert Transaction.objects.filter(term__policy=policy).count() == 1


@pytest.mark.parametrize(
    ("verb", "body", "status", "field"),
    [
        ("endorse", ENDORSE | {"effective_on": "2027-01-01"}, 422, "effective_on"),
        ("endorse", ENDORSE | {"change_minor": -1_200_001}, 422, "premium"),
        ("endorse", ENDORSE | {"new_full_term_minor": 1}, 422, "premium"),
        ("preview-endorsement", ENDORSE | {"effective_on": "2025-12-31"}, 422, "effective_on"),
        ("cancel", {"effective_on": "2027-01-01"}, 422, "effective_on"),
        ("cancel", CANCEL | {"method": "flat"}, 422, "effective_on"),
        ("preview-cancellation", CANCEL | {"method": "short_rate_table"}, 422, "method"),
        ("rescind-cancellation", WHY, 409, "policy"),
        ("reinstate", REINSTATE, 409, "policy"),
        ("rewrite", REWRITE | {"program": "nope"}, 404, "program"),
        ("rewrite", REWRITE | {"term": "full_term"}, 422, "effective_on"),
        ("rewrite", REWRITE | {"effective_on": "2028-01-01"}, 422, "effective_on"),
        ("offer-renewal", RENEW | {"expires_on": "2026-12-31"}, 422, "expires_on"),
        ("accept-renewal", {}, 409, "policy"),
        ("decline-renewal", WHY, 409, "policy"),
        ("expire", {}, 409, "policy"),
        ("audit", AUDIT | {"term": 7}, 409, "term"),
        ("undo", {"transaction": "txn_none", **WHY}, 404, "transaction"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_changes_nothing(
    api: Api, policy: Policy, verb: str, body: dict[str, Any], status: int, field: str
) -> None:
    answer = api.post(f"policies/{policy.id}/{verb}", body)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.content
    assert Transaction.objects.filter(term__policy=policy).count() == 1
    assert list(Policy.objects.values_list("state", flat=True)) == ["bound"]


def test_a_cancelled_policy_is_neither_endorsed_nor_cancelled_nor_renewed(api: Api, policy: Policy) -> None:
    done(api, policy, "cancel", CANCEL)
    for verb, body in (("endorse", ENDORSE), ("cancel", CANCEL), ("offer-renewal", RENEW), ("audit", AUDIT)):
        answer = api.post(f"policies/{policy.id}/{verb}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


def test_a_day_as_a_number_is_no_day(api: Api, policy: Policy) -> None:
    answer = api.post(f"policies/{policy.id}/cancel", {"effective_on": 7})
    assert answer.status_code in (400, 422)
    assert dt.date.fromisoformat(PAST_DAY) < clock.today()
