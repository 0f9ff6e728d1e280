"""Checks: written in runs, told to the bank (positive pay), voided, reissued, grown stale, escheated."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import Max, Min

from billing import cash, pay_outs
from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid, NotFound
from coverpay.kernel.money import Money
from payments import disbursements, journal, positive_pay
from payments.disbursements import Wish, move, tell
from payments.models import CheckRun, Disbursement
from payments.positive_pay import IssuedCheck
from policies import locks
from reconciliation.ledger.models import Line
from reconciliation.models import BankAccount, MatchBankLine

S = Disbursement.State
FIRST_NUMBER = 1001


class NothingToIssue(Invalid):
    """No approved check waits at this bank account."""

    code = "nothing_to_issue"


@command
def issue_run(*, bank_account_id: str, actor: Actor, first_number: int | None = None) -> CheckRun:
    """Write every approved check of a bank account, numbered in a row, with the bank's issue file.

    Takes:  `first_number`, only above every number used before. A check whose cash was used meanwhile is held instead.
    Posts:  Dr unapplied_cash · Cr trust_cash (the bank account, the check's number), each check.
    Raises: NotFound, Forbidden, NothingToIssue, Invalid.
    """
    bank = access.get_operable(
        actor, BankAccount.objects.all(), bank_account_id, permission=Permission.CASH_WRITE, field="bank_account"
    )
    waiting = Disbursement.objects.filter(bank_account=bank, method=Disbursement.Method.CHECK, state=S.APPROVED)
    locks.lock_many(set(waiting.values_list("policy_id", flat=True)))
    BankAccount.objects.select_for_update(no_key=True).get(pk=bank.pk)
    number = _next_number(bank, first_number)
    written: list[Disbursement] = []
    for made in waiting.select_related("policy", "bank_account").order_by("id"):
        if _write(made, number + len(written)):
            written.append(made)
    if not written:
        raise NothingToIssue("No approved check waits at this bank account.", field="bank_account")
    return _run(bank, written)


@command
def void(*, disbursement_id: str, reason: str, actor: Actor) -> Disbursement:
    """Stop an issued check before the bank pays it; the cash is the policy's again.

    Posts:  the exact opposite of its issue.
    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    made = disbursements.locked(disbursement_id, actor, Permission.CASH_WRITE)
    void_locked(made, texts.line(reason, field="reason", at_most=300))
    return made


@command
def reissue(*, disbursement_id: str, reason: str, wish: Wish | None = None, actor: Actor) -> Disbursement:
    """Void an issued check and ask for another in its place, the same amount, maybe another way.

    Raises: as `void` and as `disbursements.request`.
    """
    made = disbursements.locked(disbursement_id, actor, Permission.CASH_WRITE)
    reason = texts.line(reason, field="reason", at_most=300)
    void_locked(made, reason)
    again = wish or Wish(method=made.method, bank_account_id=made.bank_account_id, payee_id=made.payee_id)
    same = Wish(
        method=again.method,
        amount_minor=made.amount_minor,
        kind=made.kind,
        return_premium_id=made.return_premium_id,
        payee_id=again.payee_id or made.payee_id,
        bank_account_id=again.bank_account_id or made.bank_account_id,
        payment_method_id=again.payment_method_id,
    )
    return disbursements.request_locked(made.policy, same, reason=reason, actor=actor, reissues=made)


@command
def clear(*, disbursement_id: str, on: dt.date, actor: Actor) -> Disbursement:
    """Note that the bank paid it on a day since its issue. Raises: NotFound, Forbidden, IllegalTransition, Invalid."""
    made = disbursements.locked(disbursement_id, actor, Permission.RECONCILIATION_WRITE)
    if made.issued_on is not None and not made.issued_on <= on <= clock.today():
        raise Invalid(f"A day between its issue on {made.issued_on} and today.", field="on")
    move(made, "clear", cleared_on=on)
    tell("disbursement.cleared", made)
    return made


@command
def grow_stale(*, disbursement_id: str, actor: Actor) -> Disbursement:
    """Mark an issued check that nobody cashed within its days; nothing is posted.

    Raises: NotFound, Forbidden, IllegalTransition.
    """
    made = disbursements.locked(disbursement_id, actor)
    if not is_stale(made, clock.today()):
        commands.unchanged()
        return made
    move(made, "grow_stale")
    tell("disbursement.stale", made)
    return made


@command
def escheat(*, disbursement_id: str, reason: str, actor: Actor) -> Disbursement:
    """Take a stale check back into the books as unclaimed property, owed to a state; a person says why it is time.

    Posts:  Dr trust_cash · Cr unclaimed_property (the payee's state).
    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    made = disbursements.locked(disbursement_id, actor, Permission.CASH_WRITE)
    reason = texts.line(reason, field="reason", at_most=300)
    move(made, "escheat", outcome_message=reason)
    journal.disbursement_escheated(made, on=clock.today())
    tell("disbursement.escheated", made, reason=reason)
    return made


@step
def void_locked(made: Disbursement, reason: str) -> None:
    """Void a locked check and give its cash back to the policy."""
    move(made, "void", outcome_message=reason)
    give_back(made)
    tell("disbursement.voided", made, reason=reason)


@step
def give_back(made: Disbursement) -> None:
    """The money never left, or came back: undo the issue of a locked disbursement to the cent."""
    pay_outs.take_back(made.id, on=clock.today())
    journal.disbursement_undone(made, on=clock.today())


@step
def issue_locked(made: Disbursement, **changes: object) -> None:
    """Count a submitted disbursement by check or ACH as paid. Raises: NotEnoughUnapplied.

    Posts:  Dr unapplied_cash · Cr trust_cash.
    """
    today = clock.today()
    pay_outs.pay_out_of_policy(made.policy, source_id=made.id, amount=Money(made.amount_minor, made.currency), on=today)
    move(made, "issue", issued_on=today, next_check_at=None, **changes)
    journal.disbursement_issued(made, on=today)
    tell("disbursement.issued", made)


def is_stale(made: Disbursement, on: dt.date) -> bool:
    """Whether an issued check was not cashed within `settings.CHECK_STALE_DAYS` (UCC 4-404: a bank need not pay it)."""
    if made.state != S.ISSUED or made.method != Disbursement.Method.CHECK or made.issued_on is None:
        return False
    return on > made.issued_on + dt.timedelta(days=settings.CHECK_STALE_DAYS)


def seen_at_bank(made: Disbursement) -> dt.date | None:
    """The day the bank shows the payment, by the standing match of the line its issue posted."""
    lines = Line.objects.filter(entry__source_id=made.id, entry__kind=journal.DISBURSEMENT_ISSUED)
    seen = MatchBankLine.objects.filter(live=True, match__book_lines__ledger_line__in=lines)
    return seen.order_by("statement_line__posted_on").values_list("statement_line__posted_on", flat=True).last()


def void_file(bank: BankAccount, on: dt.date) -> str:
    """The file that tells the bank which checks not to pay: those voided or escheated, issued within a stale time."""
    since = on - dt.timedelta(days=settings.CHECK_STALE_DAYS)
    rows = Disbursement.objects.filter(
        bank_account=bank, check_number__isnull=False, state__in=[S.VOIDED, S.ESCHEATED], issued_on__gte=since
    )
    return positive_pay.write([_told(made, positive_pay.VOID) for made in rows.order_by("check_number")])


def _write(made: Disbursement, number: int) -> bool:
    free = cash.waiting_minor(made.policy)
    if free < made.amount_minor:
        disbursements.hold_locked(made, f"Only {Money(free, made.currency)} of the policy's cash is still unapplied.")
        return False
    move(made, "submit", submit_count=made.submit_count + 1)
    made.check_number = number
    made.save(update_fields=["check_number"])
    issue_locked(made, gateway_reference=str(number))
    return True


def _next_number(bank: BankAccount, first_number: int | None) -> int:
    used = Disbursement.objects.filter(bank_account=bank).aggregate(last=Max("check_number"))["last"]
    following = FIRST_NUMBER if used is None else used + 1
    if first_number is None:
        return following
    if (used is not None and first_number <= used) or first_number <= 0:
        raise Invalid(f"The next free number is {following}.", field="first_number")
    return first_number


def _run(bank: BankAccount, written: list[Disbursement]) -> CheckRun:
    made = Disbursement.objects.filter(pk__in=[each.pk for each in written])
    ends = made.aggregate(first=Min("check_number"), last=Max("check_number"))
    run = CheckRun.objects.create(
        organization_id=bank.organization_id,
        bank_account=bank,
        issued_on=clock.today(),
        first_number=ends["first"],
        last_number=ends["last"],
        count=len(written),
        total_minor=sum(each.amount_minor for each in written),
        currency=bank.currency,
        content=positive_pay.write([_told(each, positive_pay.ISSUE) for each in written]),
    )
    audit.record(
        action="check_run.issue",
        object_id=run.id,
        organization_id=run.organization_id,
        after={"bank_account": bank.id, "first": run.first_number, "last": run.last_number, "count": run.count,
               "total_minor": run.total_minor},
    )  # fmt: skip
    return run


def _told(made: Disbursement, record: str) -> IssuedCheck:
    if made.check_number is None or made.issued_on is None or made.bank_account is None:
        raise NotFound(f"Disbursement {made.id} is no issued check.", field="disbursement")
    amount = Money(made.amount_minor, made.currency)
    return IssuedCheck(
        record, made.bank_account.account_mark, made.check_number, made.issued_on, amount, made.payee_name
    )
