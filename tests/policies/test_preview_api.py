"""Every preview under /v1 writes nothing, and says what the command then writes to whoever may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from compliance.models import AuditEntry, EventRecord, Explanation
from compliance.permissions import Permission
from coverpay.kernel.money import Money
from policies.models import Charge, Policy, Segment, Term, Transaction
from tests.policies.test_life import DAY_100, FIRST, LAST, silenced
from tests.support import books, world
from tests.support.books import House
from tests.support.world import Api

pytestmark = pytest.mark.django_db

WHY: dict[str, Any] = {"reason": "asked for"}
FEBRUARY, MARCH = "2026-02-01", "2026-03-01"
ENDORSE: dict[str, Any] = {"effective_on": DAY_100.isoformat(), "change_minor": 365_000, **WHY}
CANCEL: dict[str, Any] = {"effective_on": FEBRUARY}
REINSTATE: dict[str, Any] = {"effective_on": FEBRUARY, "no_loss": True, **WHY}
REWRITE: dict[str, Any] = {
    "effective_on": FEBRUARY, "term": "remainder", "number": "R-1", "premium_minor": 900_000, **WHY,
}  # fmt: skip
RENEW: dict[str, Any] = {"premium_minor": 1_300_000}
AUDIT: dict[str, Any] = {"audited_minor": 1_400_000, **WHY}
PREVIEWS: list[tuple[str, dict[str, Any]]] = [
    ("preview-endorsement", ENDORSE),
    ("preview-cancellation", CANCEL),
    ("preview-reinstatement", REINSTATE),
    ("preview-rewrite", REWRITE),
    ("preview-renewal", RENEW),
    ("preview-audit", AUDIT),
    ("preview-undo", {"transaction": "txn_0000000000000000000000000", **WHY}),
]
WRITTEN = (Policy, Term, Transaction, Segment, Charge, Explanation, AuditEntry, EventRecord)


@pytest.fixture(autouse=True)
def silent(house: House) -> Iterator[None]:
    with silenced():
        yield


@pytest.fixture
def policy(house: House) -> Policy:
    """12,000.00 for 2026 in Hawaii: a fee of 250.00 and a tax of 4.68%."""
    return books.bound(house, effective_on=FIRST, expires_on=LAST, premium=Money(1_200_000))


@pytest.fixture
def api(house: House) -> Api:
    return world.api(house.operator)


@pytest.fixture
def reader(house: House) -> Api:
    return world.api(house.operator, Permission.POLICIES_READ)


def asked(api: Api, policy: Policy, verb: str, body: dict[str, Any]) -> Any:
    answer = api.post(f"policies/{policy.id}/{verb}", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def previewed(reader: Api, policy: Policy, verb: str, body: dict[str, Any]) -> Any:
    """What a preview shows to one who may only read. Fails when it wrote a row."""
    before = [rows.objects.count() for rows in WRITTEN]
    shown = asked(reader, policy, verb, body)
    assert [rows.objects.count() for rows in WRITTEN] == before
    return shown


def amounts(charges: list[dict[str, Any]]) -> dict[str, int]:
    return {row["component"]: row["amount_minor"] for row in charges}


def slices(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, int]]:
    return sorted((row["kind"], row["starts_on"], row["ends_on"], row["written_minor"]) for row in rows)


def charged(term: Term) -> dict[str, int]:
    return dict(Charge.objects.filter(transaction__term=term).values_list("component", "amount_minor"))


def is_written(shown: Any, written: Any) -> None:
    """The transaction says by slice, charge and day what its preview said."""
    assert slices(shown["slices"]) == slices(written["segments"])
    assert amounts(shown["charges"]) == amounts(written["charges"])
    assert shown["total_minor"] == sum(amounts(written["charges"]).values())
    assert shown["effective_on"] == written["effective_on"]


def test_an_endorsement_and_its_undoing_are_what_their_previews_say(api: Api, reader: Api, policy: Policy) -> None:
    """3,650.00 more for 265 of 365 days is 2,650.00, and its tax 124.02."""
    shown = previewed(reader, policy, "preview-endorsement", ENDORSE)
    assert amounts(shown["charges"]) == {"premium": 265_000, "surplus_lines_tax": 12_402}
    written = asked(api, policy, "endorse", ENDORSE)
    is_written(shown, written)
    wrong = {"transaction": written["id"], **WHY}
    undoing = previewed(reader, policy, "preview-undo", wrong)
    assert amounts(undoing["charges"]) == {"premium": -265_000, "surplus_lines_tax": -12_402}
    is_written(undoing, asked(api, policy, "undo", wrong))


@pytest.mark.parametrize("day", [FEBRUARY, MARCH])
def test_a_cancellation_and_a_reinstatement_are_what_their_previews_say(
    api: Api, reader: Api, policy: Policy, day: str
) -> None:
    ending = previewed(reader, policy, "preview-cancellation", CANCEL)
    ended = asked(api, policy, "cancel", CANCEL)
    is_written(ending, api.get(f"transactions/{ended['transaction']}").json())
    body = REINSTATE | {"effective_on": day}
    shown = previewed(reader, policy, "preview-reinstatement", body)
    assert shown["premium_minor"] > 0
    is_written(shown, asked(api, policy, "reinstate", body))


def test_a_rewrite_is_what_its_preview_says(api: Api, reader: Api, policy: Policy) -> None:
    """334 of 365 days of 12,000.00 go back; the new policy costs 9,000.00, the fee, and 4.68%."""
    shown = previewed(reader, policy, "preview-rewrite", REWRITE)
    assert shown["cancelled"]["premium_minor"] == -1_098_082
    assert amounts(shown["charges"]) == {"premium": 900_000, "carrier_fee": 25_000, "surplus_lines_tax": 42_120}
    assert shown["total_minor"] == 967_120
    new = Policy.objects.get(pk=asked(api, policy, "rewrite", REWRITE)["id"])
    term = new.terms.get()
    assert (shown["effective_on"], shown["expires_on"]) == (term.effective_on.isoformat(), term.expires_on.isoformat())
    assert charged(term) == amounts(shown["charges"])
    ended = Transaction.objects.get(term__policy=policy, kind="cancellation")
    is_written(shown["cancelled"], api.get(f"transactions/{ended.id}").json())


def test_a_renewal_is_what_its_preview_says(api: Api, reader: Api, policy: Policy) -> None:
    """13,000.00, the fee, and 4.68% of 13,000.00."""
    shown = previewed(reader, policy, "preview-renewal", RENEW)
    assert amounts(shown["charges"]) == {"premium": 1_300_000, "carrier_fee": 25_000, "surplus_lines_tax": 60_840}
    assert shown["total_minor"] == 1_385_840
    offered = asked(api, policy, "offer-renewal", RENEW)
    same = ("effective_on", "expires_on", "program_version", "plan_code")
    assert {name: shown[name] for name in same} == {name: offered[name] for name in same}
    assert charged(Term.objects.get(pk=offered["id"])) == amounts(shown["charges"])


def test_an_audit_is_what_its_preview_says(api: Api, reader: Api, policy: Policy) -> None:
    """14,000.00 by audit beside 12,000.00: 2,000.00 more."""
    shown = previewed(reader, policy, "preview-audit", AUDIT)
    assert amounts(shown["charges"])["audit_premium"] == 200_000
    is_written(shown, asked(api, policy, "audit", AUDIT))


@pytest.mark.parametrize(("verb", "body"), PREVIEWS)
def test_a_preview_takes_the_permission_to_read_and_the_own_policy(
    house: House, policy: Policy, verb: str, body: dict[str, Any]
) -> None:
    stranger = world.api(world.organization("agency"))
    assert stranger.post(f"policies/{policy.id}/{verb}", body).status_code == 404
    elsewhere = world.api(house.operator, Permission.BILLING_READ)
    assert elsewhere.post(f"policies/{policy.id}/{verb}", body).status_code == 403


@pytest.mark.parametrize(
    ("verb", "body", "status", "field"),
    [
        ("preview-reinstatement", REINSTATE, 409, "policy"),
        ("preview-rewrite", REWRITE | {"term": "full_term"}, 422, "effective_on"),
        ("preview-renewal", RENEW | {"expires_on": "2026-12-31"}, 422, "expires_on"),
        ("preview-audit", AUDIT | {"term": 7}, 409, "term"),
        ("preview-undo", {"transaction": "txn_none", **WHY}, 404, "transaction"),
    ],
)
def test_a_preview_refuses_what_its_command_refuses(
    reader: Api, policy: Policy, verb: str, body: dict[str, Any], status: int, field: str
) -> None:
    answer = reader.post(f"policies/{policy.id}/{verb}", body)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.content
