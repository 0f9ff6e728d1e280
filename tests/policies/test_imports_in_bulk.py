"""An import writes by COPY the very rows that quoting and binding each write; numbers are looked over as a whole."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection

from compliance.models import AuditEntry
from coverpay.kernel.money import Money
from policies import imports, lifecycle
from policies.imports import writing
from policies.models import Party, Policy
from policies.parties import PartyDetails
from tests.policies.test_imports import GOOD, HEADER, NEXT, bring, changed, found
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
_ID = re.compile(r"\b[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}\b")
_OF_POLICY = "IN (SELECT id FROM policies_policy WHERE operator_id = %s)"
_OF_TERM = f"IN (SELECT id FROM policies_term WHERE policy_id {_OF_POLICY})"
_TABLES = {
    "policies_party": "organization_id = %s",
    "policies_policy": "operator_id = %s",
    "policies_participant": f"policy_id {_OF_POLICY}",
    "policies_term": f"policy_id {_OF_POLICY}",
    "policies_transaction": f"term_id {_OF_TERM}",
    "policies_segment": f"transaction_id IN (SELECT id FROM policies_transaction WHERE term_id {_OF_TERM})",
    "policies_charge": f"policy_id {_OF_POLICY}",
    "compliance_explanation": f"subject_id IN (SELECT id FROM policies_charge WHERE policy_id {_OF_POLICY})",
    "compliance_auditentry": "organization_id = %s AND action ~ '^(party|policy|schedule)[.]'",
    "compliance_eventrecord": "organization_id = %s",
    "billing_schedule": f"policy_id {_OF_POLICY}",
    "billing_installment": f"policy_id {_OF_POLICY}",
    "billing_installmentitem": f"charge_id IN (SELECT id FROM policies_charge WHERE policy_id {_OF_POLICY})",
}
_UNLIKE = ["at", "created_at", "recorded_at", "processed_at"]


def written(house: House) -> dict[str, list[str]]:
    """Every row of an operator as text without times, each id by its place among those of its prefix."""
    found: dict[str, list[str]] = {}
    for table, where in _TABLES.items():
        unlike = [*_UNLIKE, "id"] if table.startswith("compliance") or "participant" in table else _UNLIKE
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT (to_jsonb(t) - %s::text[])::text FROM {table} AS t WHERE {where}",
                [unlike, house.operator.id],
            )
            found[table] = [row for (row,) in cursor.fetchall()]
    places: dict[str, int] = defaultdict(int)
    names: dict[str, str] = {}
    for id in sorted({id for rows in found.values() for row in rows for id in _ID.findall(row)}):
        prefix = id.split("_")[0]
        places[prefix] += 1
        names[id] = f"{prefix} {places[prefix]}"
    return {table: sorted(_ID.sub(lambda m: names[m[0]], row) for row in rows) for table, rows in found.items()}


def test_an_import_writes_the_rows_that_one_by_one_writes(house: House) -> None:
    other = books.open_house()
    agency = world.organization("agency", code="lighthouse-x")
    known = PartyDetails(reference="INS-2", name="Mauka Tools", state="HI")
    one = books.request(
        number="P-1",
        insured=PartyDetails(reference="INS-1", name="Aloha Foods", city="Hilo", state="HI"),
        agency_code=agency.code,
    )
    two = books.request(number="P-2", insured=known, premium=Money(500_001), plan="thirds")
    third = replace(known, state="CA")
    three = books.request(number="P-3", insured=third, state="CA", expires_on=dt.date(2026, 8, 1))
    for request in (one, two, three):
        policy = lifecycle.quote(request=request, actor=house.me)
        if request is not three:
            lifecycle.bind(policy_id=policy.id, actor=house.me)
    header = f"{HEADER},city,agency_code"
    done = bring(
        other,
        f"{GOOD},Hilo,lighthouse-x",
        "P-2,hi,INS-2,Mauka Tools,HI,2026-01-31,2027-01-31,5000.01,thirds,yes,,",
        " P-3 ,hi,INS-2,Mauka Tools,CA,2026-01-31,2026-08-01,10000.00,halves,no,,",
        header=header,
    )
    assert done.state == "imported"
    ours, theirs = written(other), written(house)
    for table in _TABLES:
        assert ours[table] == theirs[table], table


def test_numbers_taken_in_the_file_or_before_are_all_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 2)
    books.bound(house, number="P-0")
    lines = [changed(NEXT, policy_number=number) for number in ("P-0", "P-1", "P-1", " P-1 ", "P-2", "P-0")]
    done = bring(house, *lines)
    assert found(done) == [(row, "policy_number", "policy_number_taken") for row in (2, 4, 5, 7)]
    assert done.problem_count == 4


def test_the_first_thousand_problems_are_the_first_by_row(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "KEPT_PROBLEMS", 3)
    monkeypatch.setattr("policies.imports.reading.KEPT_PROBLEMS", 3)
    bad = changed(NEXT, policy_number="P-8", premium="x")
    done = bring(house, GOOD, bad, GOOD, bad, GOOD, bad, GOOD)
    assert found(done) == [
        (3, "premium", "bad_amount"),
        (4, "policy_number", "policy_number_taken"),
        (5, "premium", "bad_amount"),
    ]
    assert done.problem_count == 6


def test_chunks_of_a_file_share_their_parties(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 1)
    done = bring(house, GOOD, changed(GOOD, policy_number="P-2", insured_name="Another Name"))
    assert done.policy_count == 2
    assert Party.objects.get(reference="INS-1").name == "Aloha Foods"


def test_a_row_that_became_impossible_meanwhile_is_named_and_nothing_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = writing.write

    def late(operator_id: str, good: list[object]) -> None:
        lifecycle.write_quote(operator_id, books.request(number="P-2"))
        write(operator_id, good)  # type: ignore[arg-type]

    def refused(operator_id: str, good: list[object]) -> None:
        raise IntegrityError("one_policy_per_number")

    monkeypatch.setattr(writing, "write", late)
    assert bring(house, NEXT, GOOD).state == "imported"  # what came meanwhile was undone with the chunk
    monkeypatch.setattr(writing, "write", refused)
    done = bring(house, changed(GOOD, policy_number="P-9"))
    assert (done.state, done.policy_count) == ("imported", 1)
    assert set(Policy.objects.values_list("number", flat=True)) == {"P-1", "P-2", "P-9"}
    audited = set(AuditEntry.objects.filter(object_id__startswith="pol_").values_list("object_id", flat=True))
    assert audited == set(Policy.objects.values_list("id", flat=True)), "what was undone left no audit entry"
