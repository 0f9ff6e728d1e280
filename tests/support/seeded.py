"""A small book with one of everything, made by the commands everyone uses, and a stranger to all of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model

from billing import accounts, delinquency, invoices, runs, suspense
from billing.models import Invoice
from compliance import approvals, moratoriums
from compliance.access import Access
from compliance.models import Organization, User
from compliance.permissions import ROLE_PERMISSIONS, Permission
from compliance.rules import decisions
from coverpay.demo import bank
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from coverpay.webhooks import endpoints
from payments import autopay, inbound, refunds, sandbox_webhooks, settlement
from payments.gateways.sandbox import Sandbox
from policies import cancellations
from policies import imports as policy_imports
from policies.cancellations import CancellationRequest
from reconciliation import imports, matches
from tests.support import (
    books,
    disputed,
    paying,
    recovering,
    seeded_ach,
    seeded_breaks,
    seeded_exports,
    seeded_health,
    seeded_matching,
    seeded_online,
    seeded_out,
    seeded_sources,
    seeded_trust,
    world,
)
from tests.support import deposits as deposited
from tests.support.books import House

POLICY_FILE = (
    "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan,bind\n"
    "SEED-1,hi,SEED-1,Seeded Orchids,HI,2026-01-31,2027-01-31,5000.00,full,yes\n"
)


@dataclass(frozen=True)
class Seeded:
    """Our organization with its book, people and keys, and a stranger who may do everything at home."""

    house: House
    admin: User
    viewer: User
    admin_token: str
    viewer_token: str
    stranger: User
    stranger_token: str

    @property
    def ours(self) -> Organization:
        return self.house.operator

    def one(self, model: type[Model]) -> Any:
        """One of our rows of a model. Fails with what to do when the book has none."""
        row = _ours(model, self.ours).order_by("pk").first()
        assert row is not None, f"the seeded book has no {model.__name__}: make one in tests/support/seeded.py"
        return row

    def marks(self) -> list[str]:
        """Texts that only our rows have: their ids, and the names in them."""
        rows = [model for model in apps.get_models() if isinstance(getattr(model, "ACCESS", None), Access)]
        ids = [str(row) for model in rows for row in _ours(model, self.ours).values_list("pk", flat=True)]
        names = ["Aloha Foods", "Seeded Orchids", "SEED-1", self.ours.code, self.admin.email, self.viewer.email]
        return [mark for mark in ids if not mark.isdigit()] + names


def _ours(model: type[Model], organization: Organization) -> Any:
    access: Access = model.ACCESS  # type: ignore[attr-defined]
    return model._default_manager.filter(**{access.operator: organization.id})


def everything(sandbox: Sandbox) -> Seeded:
    """Make the book: the main job once, a refund, an import, an endpoint with deliveries, people and keys."""
    house = books.open_house()
    endpoints.create(url="https://93.184.215.14/hook", actor=house.me)
    first = _with_fee(house)
    _returned(house)
    _premium(house, sandbox)
    _accounts(house)
    policy_imports.import_policies(file=io.BytesIO(POLICY_FILE.encode()), file_name="seed.csv", actor=house.me)
    _watched(house)
    _allowed(house, first)
    _announced(house)
    _past_due(house)
    _unknown(house)
    seeded_out.disbursed(house)
    seeded_health.failed(house)
    seeded_trust.moved(house)
    seeded_sources.told(house)
    seeded_sources.compared(house)
    seeded_exports.exported(house)
    seeded_exports.closed(house)
    deposited.seeded(house)
    seeded_online.online(house)
    disputed.seeded(house)
    recovering.seeded(house)
    paying.seeded(house)
    seeded_ach.filed(house)
    seeded_breaks.worked(house)
    seeded_matching.matched(house)
    runs.begin(organization_id=house.operator.id, run_on=clock.today(), actor=house.me)
    home = world.organization("agency")
    viewing = [Permission(scope) for scope in ROLE_PERMISSIONS["viewer"]]
    return Seeded(
        house=house,
        admin=world.member(house.operator, "admin"),
        viewer=world.member(house.operator, "viewer"),
        admin_token=world.token(house.operator),
        viewer_token=world.token(house.operator, *viewing),
        stranger=world.member(home, "admin"),
        stranger_token=world.token(home),
    )


def _watched(house: House) -> None:
    """A permit that waits, a rule that was decided and a moratorium that is in force."""
    day = clock.today()
    approvals.request(
        action="invoice.write_off", object_id="inv_seeded", amount=Money(1_00), reason="seeded", actor=house.me
    )
    decisions.decide(
        rule="noc_nonpay_days", jurisdiction="HI", line="commercial_pc", value=10, reason="seeded", actor=house.me
    )
    moratoriums.declare(name="Seeded storm", state_code="HI", starts_on=day, ends_on=day, actor=house.me)


def _announced(house: House) -> None:
    """A policy whose cancellation is announced for a day to come."""
    request = CancellationRequest(dt.date(2026, 12, 1), note="sold")
    cancellations.cancel(policy_id=books.bound(house).id, request=request, actor=house.me)


def _past_due(house: House) -> None:
    """An invoice that was due two days ago, followed by a plan that has sent a reminder."""
    spec = {"steps": [{"action": "reminder", "after_days": 1}]}
    delinquency.publish(code="default", spec=spec, effective_from=books.SINCE, actor=house.me)
    with clock.frozen(dt.datetime(2026, 1, 31, 15, tzinfo=dt.UTC)):
        late = books.billed(house).policy
    delinquency.follow(policy_id=late.id, actor=house.me)


def _with_fee(house: House) -> Invoice:
    """The first invoice of the book: open, with the plan's fee for a later installment on it."""
    policy = books.bound(house, plan="monthly")
    return invoices.issue(policy_id=policy.id, through=dt.date(2026, 3, 31), actor=house.me)


def _allowed(house: House, invoice: Invoice) -> None:
    """Leave to write the invoice off, given by someone else than who asked."""
    amount = Money(invoices.open_minor(invoice))
    permit = approvals.request(
        action="invoice.write_off", object_id=invoice.id, amount=amount, reason="seeded", actor=house.me
    )
    approvals.approve(permit_id=permit.id, actor=dataclasses.replace(house.me, id="usr_other", label="another"))


def _returned(house: House) -> None:
    """A paid policy that never took effect, so that its premium is owed back."""
    policy = books.paid(house, books.billed(house, plan="full")).policy
    request = CancellationRequest(books.FIRST_DAY, method="flat")
    cancellations.cancel(policy_id=policy.id, request=request, actor=house.me)


def _unknown(house: House) -> None:
    """A deposit that names a policy, of a payor nobody knows."""
    suspense.record_unidentified(
        bank_account_id=house.bank.id, source_id="SEED-DEPOSIT", payor="Seeded payor", memo="",
        policy_reference="SEED-1", amount=Money(5_00), received_on=clock.today(), actor=house.me,
    )  # fmt: skip


def _premium(house: House, sandbox: Sandbox) -> None:
    merchant, day = house.operator.code, clock.today()
    books.paid(house, books.billed(house))
    back = books.paid(house, books.billed(house, premium=Money(100_000)))
    refunds.submit(refunds.request(payment_id=back.id, reason="paid twice", actor=house.me).id)
    _tell_once(house, sandbox)
    sandbox.close_day(merchant, day)
    payouts = settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    moved = [
        *(bank.Movement(each.amount_minor, bank.ACH_CREDIT, each.reference, "SANDBOX PAYOUT") for each in payouts),
        bank.Movement(-bank.SERVICE_CHARGE_MINOR, bank.FEE, "", "MONTHLY SERVICE CHARGE"),
    ]
    _statement(house, moved, day)
    matches.run_matching(bank_account_id=house.bank.id, actor=house.me)


def _accounts(house: House) -> None:
    """An account that gets one bill, and a policy that pays by itself."""
    policy = books.bound(house)
    account = accounts.open_account(number="ACC-1", payor_id=policy.insured_id, mode="account_bill", actor=house.me)
    accounts.attach(account_id=account.id, policy_ids=[policy.id], actor=house.me)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    autopay.enrol(policy_id=policy.id, method="card", token="tok_ok", actor=house.me)


def _statement(house: House, moved: list[bank.Movement], day: dt.date) -> None:
    text = bank.statement(
        bank_id=house.bank.bank_id, account=house.bank.account_mark, on=day, opening_minor=0, moved=moved
    )
    done = imports.import_statement(content=text.encode(), file_name="day.bai", actor=house.me)
    assert done.state == "imported", done.problems


def _tell_once(house: House, sandbox: Sandbox) -> None:
    message = sandbox.books.untold(house.account.merchant)[0]
    body = json.dumps(json.loads(message["body"]))
    headers = sandbox_webhooks.signed(house.account, message["event"], body)
    stored = inbound.receive(account_id=house.account.id, headers=headers, body=body.encode())
    assert stored is not None
    inbound.process(stored.id)
