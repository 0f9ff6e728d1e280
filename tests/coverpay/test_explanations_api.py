"""Explanations under /v1: the derivations of any one object, to whoever may see the object or what it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps

from billing.models import Application, Invoice
from compliance.models import Explanation
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.ids import IdField
from policies import cancellations
from policies.cancellations import CancellationRequest
from policies.models import Charge, Transaction
from tests.support import books, world
from tests.support.books import House
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(house: House) -> Invoice:
    """The first half of 10,000.00, its fee and its tax, paid by card."""
    invoice = books.billed(house)
    books.paid(house, invoice)
    return invoice


@pytest.fixture
def api(house: House) -> Api:
    return world.api(house.operator)


def ended(house: House, invoice: Invoice) -> Transaction:
    """The transaction of a cancellation of today."""
    request = CancellationRequest(clock.today())
    found = cancellations.cancel(policy_id=invoice.policy_id, request=request, actor=house.me).transaction
    assert found is not None
    return found


def why(api: Api, subject: str) -> list[dict[str, Any]]:
    answer = api.get("explanations", subject=subject)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()
    assert {row["subject_id"] for row in rows} <= {subject}
    return rows


def test_a_charge_tells_its_rate_and_its_law(api: Api, invoice: Invoice) -> None:
    tax = Charge.objects.get(policy=invoice.policy, component="surplus_lines_tax")
    (row,) = why(api, tax.id)
    assert (row["figure"], row["amount_minor"], row["citation"]) == ("amount", 46_800, "HRS 431:8-315")


def test_an_invoice_tells_its_total(api: Api, invoice: Invoice) -> None:
    (row,) = why(api, invoice.id)
    assert (row["figure"], row["amount_minor"]) == ("total", 535_900)


def test_an_application_tells_its_commission_to_who_sees_the_receipt(api: Api, invoice: Invoice) -> None:
    """15% of 5,000.00 of premium."""
    premium = Application.objects.get(line__invoice=invoice, line__component="premium")
    (row,) = why(api, premium.id)
    assert (row["figure"], row["amount_minor"]) == ("commission", 75_000)


def test_a_transaction_tells_what_a_cancellation_returned(house: House, api: Api, invoice: Invoice) -> None:
    """10,000.00 for 365 days, ended after 2: 54.79 is earned."""
    told = {row["figure"]: row["amount_minor"] for row in why(api, ended(house, invoice).id)}
    assert (told["return_premium"], told["earned"]) == (994_521, 5_479)


def test_everything_explained_in_a_book_is_found_by_us_and_by_no_stranger(house: House, invoice: Invoice) -> None:
    """Whatever figure is kept, its object has a way to an owner."""
    segment = ended(house, invoice).segments.all()[0]
    subjects = set(Explanation.objects.values_list("subject_id", flat=True))
    line = invoice.lines.all()[0]
    subjects |= {line.id, line.installment_item_id, Application.objects.all()[0].id, segment.id}
    assert {"chg", "txn", "seg", "iit", "inv", "inl", "app", "lcr"} <= {subject[:3] for subject in subjects}
    ours, stranger = world.api(house.operator), world.api(world.organization("agency"))
    for subject in subjects:
        assert ours.get("explanations", subject=subject).status_code == 200, subject
        refused = stranger.get("explanations", subject=subject)
        assert (refused.status_code, refused.json()["field"]) == (404, "subject"), subject
        assert refused.json()["detail"] == f"No object {subject}."  # as of one that is not there


def test_a_figure_takes_the_permission_to_read_its_object(house: House, invoice: Invoice) -> None:
    policies = world.api(house.operator, Permission.POLICIES_READ)
    charge = Charge.objects.filter(policy=invoice.policy)[0]
    assert why(policies, charge.id)
    for hidden in (invoice.id, invoice.lines.all()[0].id, Application.objects.all()[0].id):
        assert policies.get("explanations", subject=hidden).status_code == 404


@pytest.mark.parametrize(
    "subject", ["nonsense", "chg_", "xyz_01jzzzzzzzzzzzzzzzzzzzzzzz", "chg_01jzzzzzzzzzzzzzzzzzzzzzzz", "chg_\x00", "7"]
)
def test_what_is_not_there_is_not_found(api: Api, subject: str) -> None:
    answer = api.get("explanations", subject=subject)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (404, "not_found", "subject")


@pytest.mark.parametrize("said", [{}, {"subject": ""}])
def test_the_subject_must_be_said(api: Api, said: dict[str, str]) -> None:
    answer = api.get("explanations", **said)
    assert (answer.status_code, answer.json()["field"]) == (422, "subject")


@pytest.mark.parametrize("subject", ["nonsense", "chg_01jzzzzzzzzzzzzzzzzzzzzzzz"])
def test_a_stranger_reads_of_a_foreign_object_what_one_reads_of_none(api: Api, subject: str) -> None:
    assert api.get("explanations", subject=subject).json()["detail"] == f"No object {subject}."


def test_a_person_is_no_object_with_figures(house: House) -> None:
    user = world.member(house.operator)
    assert world.api(house.operator).get("explanations", subject=user.id).status_code == 404


def test_every_prefix_names_one_table() -> None:
    """So that an id says whose row it is."""
    keys = [model._meta.pk for model in apps.get_models()]
    prefixes = [key.prefix for key in keys if isinstance(key, IdField)]
    assert len(prefixes) == len(set(prefixes)) > 40


def test_nobody_without_a_key_is_told(invoice: Invoice) -> None:
    assert Api().get("explanations", subject=invoice.id).status_code == 401
