"""Every page that links lead to, in a real browser: no complaint, no fault for those who do not see or use a mouse."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db.models import Model
from django.urls import Resolver404, resolve, reverse
from playwright.sync_api import Page

from billing import delinquency, distributions, suspense, write_offs
from billing.models import Delinquency, Invoice, SuspenseItem
from compliance import approvals
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from coverpay.reports.catalog import CATALOG
from payments import autopay
from payments.gateways.sandbox import Sandbox
from payments.models import (
    AccountValidation,
    AchEntry,
    AchFile,
    Disbursement,
    GatewayAccount,
    Payment,
    PaymentMethod,
)
from policies import cancellations, renewals
from policies.cancellations import CancellationRequest
from policies.models import Cancellation, Policy
from policies.renewals import RenewalRequest
from reconciliation.models import BankAccount, Match, MatchSuggestion
from tests.browser.conftest import sign_in
from tests.support import books, late, routes, seeded, world
from tests.support.books import House
from tests.support.seeded import Seeded

pytestmark = pytest.mark.django_db(transaction=True)
AUDIT = (Path(__file__).parent / "audit.js").read_text()
DOCUMENTS = (
    "billing:invoice-pdf",
    "billing:notice-pdf",
    "billing:account-bill",
    "billing:account-statement",
    "billing:policy-statement",
    "payments:recovery-report-file",
    "payments:issue-file",
    "reconciliation:export-files",
    *(f"reports:{name}-{form}" for name in CATALOG for form in ("csv", "xlsx")),
)
BY_STATE: dict[str, type[Model]] = {
    "payments:capture": Payment,
    "payments:let-go": Payment,
    "payments:schedule": Invoice,
    "payments:enter-method": Policy,
    "payments:validate-method": PaymentMethod,
    "payments:confirm-validation": AccountValidation,
    "payments:lift-block": PaymentMethod,
    "payments:issue-run": BankAccount,
    "payments:disbursement-hold": Disbursement,
    "payments:disbursement-release": Disbursement,
    "payments:disbursement-cancel": Disbursement,
    "payments:disbursement-void": Disbursement,
    "payments:disbursement-reissue": Disbursement,
    "payments:disbursement-escheat": Disbursement,
    "payments:processor-bring-back": GatewayAccount,
    "payments:rejected-ach-file": AchFile,
    "payments:reverse-ach-entry": AchEntry,
    "reconciliation:dismiss-suggestion": MatchSuggestion,
    "reconciliation:split-match": Match,
}
"""Pages that only a thing in a state of its own links to: opened by their address."""
NOT_FOLLOWED = ("admin:", "account_logout", "mfa_download_recovery_codes", "docs", "openapi", *DOCUMENTS)
VISITS = 2


@pytest.fixture
def book(still: object, sandbox: Sandbox) -> Seeded:
    """The seeded book, a quote to close, a payment nobody can decide, and an administrator who is staff."""
    from policies import lifecycle

    made = seeded.everything(sandbox)
    books.paid(made.house, books.billed(made.house), "tok_timeout_taken")
    lifecycle.quote(request=books.request(number="Q-1"), actor=made.house.me)
    return made


def lives(house: House) -> list[str]:
    """Make one of everything that a person can act on in a state of its own. Gives the ids of what shows it."""
    from billing.delinquency import pauses

    cancelled, renewing, held = books.bound(house), books.bound(house), Delinquency.objects.filter(state="active")[0]
    cancellations.cancel(policy_id=cancelled.id, request=CancellationRequest(clock.today()), actor=house.me)
    renewals.offer(policy_id=renewing.id, request=RenewalRequest(900_000), actor=house.me)
    pauses.hold(delinquency_id=held.id, until=clock.today() + dt.timedelta(days=9), reason="asked", actor=house.me)
    spec = {"steps": [{"action": "notice", "after_days": 1}, {"action": "cancel", "after_days": 1}]}
    delinquency.publish(code="default", spec=spec, effective_from=books.SINCE, actor=house.me)
    undecided = books.billed(house, state="CA").policy
    with late.at(dt.date(2026, 2, 20)):
        delinquency.follow(policy_id=undecided.id, actor=house.me)
    assert late.followed(undecided).needs_decision
    with late.at(clock.today() - dt.timedelta(days=1)):
        due = books.bound(house)
        cancellations.cancel(policy_id=due.id, request=CancellationRequest(dt.date(2026, 2, 2)), actor=house.me)
    announced = Cancellation.objects.filter(state="pending")[0].term.policy_id
    placed = SuspenseItem.objects.filter(state="open")[0]
    suspense.place(item_id=placed.id, policy_id=renewing.id, reason="They called", actor=house.me)
    suspense.record_unidentified(
        bank_account_id=house.bank.id, source_id="BK-2", payor="Nobody", memo="", policy_reference="",
        amount=Money(1_00), received_on=clock.today(), actor=house.me,
    )  # fmt: skip
    written_off = books.billed(house)
    with late.at(dt.date(2026, 3, 5)):
        bill = books.billed(house, plan="monthly")
    permit = approvals.request(
        action="invoice.write_off", object_id=written_off.id, amount=Money(written_off.total_minor),
        reason="bankrupt", actor=house.me,
    )  # fmt: skip
    approvals.approve(permit_id=permit.id, actor=world.actor(house.operator, "finance"))
    write_offs.write_off(invoice_id=written_off.id, reason="bankrupt", actor=house.me)
    enrolled = books.bound(house)
    autopay.enrol(policy_id=enrolled.id, method="card", token="tok_ok", actor=house.me)
    carried = distributions.transfer(
        receipt_id=renewing.receipts.all()[0].id, to_policy_id=enrolled.id, amount=Money(1_00), reason="Theirs",
        actor=house.me,
    )  # fmt: skip
    shown = [
        enrolled.id,
        carried.to_receipt_id,
        cancelled.id,
        renewing.id,
        due.id,
        announced,
        undecided.id,
        held.id,
        placed.id,
        written_off.id,
        bill.id,
    ]
    return [*shown, late.followed(undecided).id, *(receipt.id for receipt in renewing.receipts.all())]


def name_of(url: str) -> str:
    """The name of the page at an address, without the ids in it."""
    try:
        return resolve(urlsplit(url).path).view_name
    except Resolver404:
        return f"nothing at {url}"


def addresses(page: Page) -> list[str]:
    links: list[str] = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    own = urlsplit(page.url).netloc
    return [link.partition("#")[0] for link in links if urlsplit(link).netloc == own]


def walk(page: Page, *starts: str) -> set[str]:
    """Follow links breadth first, to at most VISITS addresses of each page. Gives the names of the pages visited."""
    visits: Counter[str] = Counter()
    seen, waiting = set(starts), list(starts)
    while waiting:
        url = waiting.pop(0)
        _visit(page, url)
        visits[name_of(page.url)] += 1
        for link in addresses(page):
            name = name_of(link)
            if link not in seen and visits[name] < VISITS and not name.startswith(NOT_FOLLOWED):
                visits[name] += name != "go"
                waiting.append(link)
                seen.add(link)
    return set(visits)


def _visit(page: Page, url: str) -> None:
    answer = page.goto(url)
    assert answer is not None and answer.ok, f"{url}: {answer and answer.status}"
    _inspect(page)


def _inspect(page: Page) -> None:
    faults = list(page.evaluate(AUDIT))
    page.set_viewport_size({"width": 390, "height": 844})
    faults += [f"on a phone: {fault}" for fault in page.evaluate(AUDIT)]
    page.set_viewport_size({"width": 1440, "height": 900})
    assert not faults, f"{page.url}: {faults}"


def test_links_from_home_lead_to_every_page_and_none_has_a_fault(page: Page, book: Seeded) -> None:
    sign_in(page, book.admin)
    quote, paid = Policy.objects.get(number="Q-1"), Payment.objects.filter(state="succeeded")[0]
    starts = [f"/go/{id}/" for id in [quote.id, paid.id, *lives(book.house)]]
    seen = walk(page, page.url, "/search/?q=Aloha", *starts)
    pages = {route.name for route in routes.every() if route.is_page and "get" in route.methods}
    assert pages - seen - set(DOCUMENTS) - set(BY_STATE) == set(), "no link leads there"
    for name, model in BY_STATE.items():
        _visit(page, reverse(name, args=[book.one(model).pk]))


def test_the_pages_before_sign_in_have_no_fault(page: Page, book: Seeded) -> None:
    for path in ("/accounts/login/", "/accounts/password/reset/"):
        page.goto(path)
        _inspect(page)


def test_the_finance_admin_complains_about_nothing(page: Page, book: Seeded) -> None:
    book.admin.is_staff = True
    book.admin.save()
    sign_in(page, book.admin)
    invoice = Invoice.objects.first()
    assert invoice is not None
    for path in (
        reverse("admin:index"),
        reverse("admin:billing_invoice_changelist"),
        reverse("admin:billing_invoice_change", args=[invoice.id]),
        reverse("admin:reconciliation_entry_changelist"),
    ):
        answer = page.goto(path)
        assert answer is not None and answer.ok
        page.wait_for_load_state("networkidle")


def test_error_pages_have_no_fault(page: Page, book: Seeded, complaints: list[str]) -> None:
    sign_in(page, book.viewer)
    for path in ("/nothing/", "/ledger/", f"/policies/pol_{'0' * 26}/"):
        page.goto(path)
        _inspect(page)
    assert all("status of 40" in said for said in complaints), complaints
    complaints.clear()
