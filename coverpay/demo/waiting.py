"""Fill the worklists of the demo book: past due money, notices, suspense, a permit, a renewal, an account's bill."""

from __future__ import annotations

import datetime as dt

from billing import accounts, delinquency, notices, open_items, suspense, write_offs
from billing.models import BillingAccount, Delinquency, Invoice, Notice, SuspenseItem
from compliance import approvals
from compliance.models import Permit, RuleDecision
from compliance.rules import decisions
from coverpay import nightly
from coverpay.demo import book
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.money import Money
from policies import renewals
from policies.models import Policy, Term
from policies.renewals import RenewalRequest
from reconciliation.models import BankAccount

DECIDED_STATES = ("HI", "TX")
"""Where the demo decided how many days of notice it takes; past due policies elsewhere wait for a person to decide."""
NOTICE_RULES = {"noc_nonpay_days": 10, "noc_mail_days_added": 3}
DELINQUENCY_PLAN = {
    "steps": [
        {"action": "reminder", "after_days": 3},
        {"action": "late_fee", "after_days": 5},
        {"action": "notice", "after_days": 7},
        {"action": "cancel", "after_days": 7},
        {"action": "collections", "after_days": 30},
    ],
    "thresholds": {"enter": "5.00", "exit": "1.00", "cancel": "25.00"},
    "mail_within_days": 5,
}
ACCOUNT_NUMBER, ACCOUNT_PAYOR = "ACC-1002", "INS-1002"
RENEWED = "HPU-26-00011"
DEPOSITS = (
    ("WIRE-77120", "PEARL HARBOR MARINE WORKS", "HPU-26-00003 PREMIUM", "", 5_000_00),
    ("CHK-20418", "MAUNA KEA COFFEE ROASTERS", "insurance", "HPU-26-0002", 250_00),
    ("ACH-99871", "NORTH SHORE LLC", "thank you", "", 1_111_11),
)
"""Deposits nobody could place: the bank's reference, payor, memo, policy as the payor wrote it, minor units."""


def fill(actor: Actor) -> None:
    """Bring every worklist something to work on; what an earlier call did stands."""
    _decide_rules(actor)
    delinquency.publish(code="default", spec=DELINQUENCY_PLAN, effective_from=book.SINCE, actor=actor)
    _offer_renewal(actor)
    _bill_account(actor)
    _keep_deposits(actor)
    nightly.run(organization_id=_own(actor), run_on=clock.today(), actor=actor)
    _mail_one_notice(actor)
    _ask_for_write_off(actor)


def _own(actor: Actor) -> str:
    assert actor.organization_id is not None
    return actor.organization_id


def _decide_rules(actor: Actor) -> None:
    for state in DECIDED_STATES:
        for rule, days in NOTICE_RULES.items():
            if not RuleDecision.objects.filter(organization_id=actor.organization_id, rule=rule, jurisdiction=state):
                decisions.decide(
                    rule=rule,
                    jurisdiction=state,
                    line="commercial_pc",
                    value=days,
                    reason="Decided for this demonstration; ask your counsel for the days of your policies.",
                    effective_from=book.SINCE,
                    actor=actor,
                )


def _offer_renewal(actor: Actor) -> None:
    policy = Policy.objects.get(operator_id=actor.organization_id, number=RENEWED)
    last = policy.terms.order_by("-number")[0]
    if last.number == 1 and last.state == Term.State.IN_FORCE:
        renewals.offer(policy_id=policy.id, request=RenewalRequest(premium_minor=1_210_00), actor=actor)


def _bill_account(actor: Actor) -> None:
    """One payor, two policies, one bill."""
    if BillingAccount.objects.filter(operator_id=actor.organization_id, number=ACCOUNT_NUMBER).exists():
        return
    mine = Policy.objects.filter(operator_id=actor.organization_id, insured__reference=ACCOUNT_PAYOR).order_by("number")
    account = accounts.open_account(
        number=ACCOUNT_NUMBER, payor_id=mine[0].insured_id, mode=BillingAccount.Mode.ACCOUNT_BILL, actor=actor
    )
    accounts.attach(account_id=account.id, policy_ids=list(mine.values_list("id", flat=True)), actor=actor)
    accounts.issue_bill(account_id=account.id, actor=actor)


def _keep_deposits(actor: Actor) -> None:
    bank = BankAccount.objects.get(organization_id=actor.organization_id, account_mark=book.ACCOUNT_MARK)
    for source, payor, memo, reference, amount_minor in DEPOSITS:
        if not SuspenseItem.objects.filter(operator_id=actor.organization_id, source_id=source).exists():
            suspense.record_unidentified(
                bank_account_id=bank.id,
                source_id=source,
                payor=payor,
                memo=memo,
                policy_reference=reference,
                amount=Money(amount_minor, "USD"),
                received_on=clock.today() - dt.timedelta(days=1),
                actor=actor,
            )


def _mail_one_notice(actor: Actor) -> None:
    """Prove one mailing, which announces the cancellation; the other notices wait to be mailed."""
    own = Notice.objects.filter(policy__operator_id=actor.organization_id, kind=Notice.Kind.CANCELLATION)
    waiting = own.filter(state=Notice.State.PREPARED).order_by("id").first()
    if waiting is not None and not own.filter(state=Notice.State.MAILED).exists():
        notices.mail(
            notice_id=waiting.id,
            method="certificate",
            mailed_on=clock.today(),
            proof_reference="COM 2041-77",
            actor=actor,
        )


def _ask_for_write_off(actor: Actor) -> None:
    """Someone else must approve what is above the plan's small balance."""
    if Permit.objects.filter(organization_id=actor.organization_id, action=write_offs.ACTION).exists():
        return
    followed = Delinquency.objects.filter(policy__operator_id=actor.organization_id, ended_on=None).values("policy")
    invoices = Invoice.objects.filter(policy__in=followed, state=Invoice.State.OPEN)
    invoice = invoices.order_by("total_minor", "id").first()
    if invoice is not None:
        approvals.request(
            action=write_offs.ACTION,
            object_id=invoice.id,
            amount=Money(open_items.open_minor(invoice), invoice.currency),
            reason="The insured closed the business and cannot be reached.",
            actor=actor,
        )
