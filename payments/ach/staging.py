"""Stage entries for an account's next file: what the rules forbid is refused before any bank sees it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from compliance import audit
from coverpay.kernel import clock, commands
from coverpay.kernel.commands import step
from coverpay.kernel.errors import RuleViolation
from payments import mandates, method_use
from payments.ach import calendar, codes, records, terms
from payments.ach.layouts import fold
from payments.ach.terms import Terms
from payments.models import AchEntry, GatewayAccount, PaymentMethod

Purpose, State = AchEntry.Purpose, AchEntry.State
MOST_MINOR = 10**10 - 1
RULES = "Nacha Operating Rules"
_GONE = (State.WITHDRAWN, State.REJECTED)
DESCRIPTIONS = {
    Purpose.REFUND: "REFUND",
    Purpose.DISBURSEMENT: "PAYMENT",
    Purpose.MICRO: codes.MICRO_DESCRIPTION,
    Purpose.REVERSAL: codes.REVERSAL_DESCRIPTION,
}


class EntryRefused(RuleViolation):
    """The rules, or what we know of the account, forbid this entry; `why` says in a word what."""

    code = "ach_entry_refused"


@dataclass(frozen=True, slots=True)
class Order:
    """One entry to stage: our reference, what it is for, and which way the money goes (`takes`: from the receiver)."""

    reference: str
    purpose: str
    amount_minor: int
    takes: bool
    sec_code: str = ""
    receiver_id: str = ""
    represents: str = ""
    reverses: AchEntry | None = None
    not_before: dt.date | None = None


@step
def stage_locked(account: GatewayAccount, method: PaymentMethod, order: Order) -> AchEntry:
    """Stage an entry once for its reference, to the account a method stands for.

    Gives:  the entry; the one that stands when it was staged before.
    Raises: EntryRefused, TermsUnusable.
    """
    known = AchEntry.objects.filter(account=account, reference=order.reference).first()
    if known is not None:
        commands.unchanged()
        return known
    said = terms.read(account.settings)
    _check_method(account, method, order)
    sec_code = order.sec_code or _sec_code(method, order)
    original = _original(account, method, order)
    same_day = said.same_day and order.amount_minor <= codes.same_day_limit_minor() and order.purpose != Purpose.PRENOTE
    entry = AchEntry.objects.create(
        account=account,
        reference=order.reference,
        purpose=order.purpose,
        payment_method=method,
        sec_code=sec_code,
        transaction_code=_transaction_code(method, order),
        amount_minor=order.amount_minor,
        receiver_name=fold(method.holder_name or method.party.name, 22) or "NAME NOT GIVEN",
        receiver_id=fold(order.receiver_id, 15),
        description=codes.RETRY_DESCRIPTION if original else _description(said, order),
        same_day=same_day,
        effective_on=calendar.effective_day(said.file_day(clock.now()), order.not_before, same_day=same_day),
        represents=original,
        reverses=order.reverses,
    )
    audit.record(
        action="ach_entry.stage",
        object_id=entry.id,
        organization_id=account.organization_id,
        after={
            "reference": entry.reference,
            "purpose": entry.purpose,
            "amount_minor": entry.amount_minor,
            "sec_code": entry.sec_code,
            "transaction_code": entry.transaction_code,
            "effective_on": entry.effective_on.isoformat(),
        },
    )
    return entry


def _check_method(account: GatewayAccount, method: PaymentMethod, order: Order) -> None:
    if method.organization_id != account.organization_id or method.kind != method_use.ACH or not method.account_sealed:
        raise _refused("no_account", "This method is no bank account whose number we hold.")
    gone = method.state == method_use.REMOVED or (method.state == method_use.BLOCKED and order.takes)
    if gone:
        raise _refused(f"method_{method.state}", f"The method is {method.get_state_display().lower()}.")
    if not 0 <= order.amount_minor <= MOST_MINOR or (order.amount_minor == 0) is not (order.purpose == Purpose.PRENOTE):
        raise _refused("amount", "An entry moves 0.01 to 99,999,999.99; only a prenote moves nothing.")


def _sec_code(method: PaymentMethod, order: Order) -> str:
    """A debit is presented as its mandate says; a credit needs none."""
    if not order.takes or order.purpose in (Purpose.PRENOTE, Purpose.MICRO, Purpose.REVERSAL):
        return "CCD" if method.holder == PaymentMethod.Holder.BUSINESS else "PPD"
    found = mandates.sec_code_for(method)
    if not found:
        raise _refused("no_mandate", "No standing mandate allows a debit of this account.")
    return found


def _transaction_code(method: PaymentMethod, order: Order) -> str:
    table = records.PRENOTE if order.purpose == Purpose.PRENOTE else records.LIVE
    return table[(method.account_type or "checking", "debit" if order.takes else "credit")]


def _description(said: Terms, order: Order) -> str:
    return DESCRIPTIONS.get(Purpose(order.purpose), said.description)


@step
def _original(account: GatewayAccount, method: PaymentMethod, order: Order) -> AchEntry | None:
    """The entry that was returned first, when this one presents it again and the rules allow it.

    Raises: EntryRefused after two re-presentments, after 180 days, for another reason than want of money, another
            amount or another account.
    """
    if not order.represents:
        return None
    named = AchEntry.objects.filter(account=account, reference=order.represents).first()
    if named is None:
        raise _refused("represents_unknown", "The entry to present again is not one of this account.")
    first = AchEntry.objects.select_for_update(no_key=True).get(pk=named.represents_id or named.id)
    again = list(AchEntry.objects.filter(represents=first).exclude(state__in=_GONE).order_by("id"))
    last = again[-1] if again else first
    if last.state != State.RETURNED or last.return_code not in codes.re_presentable():
        raise _refused(
            "represents_not_allowed",
            f"Only an entry returned as {' or '.join(sorted(codes.re_presentable()))} is presented again; "
            f"this one is {last.get_state_display().lower()} {last.return_code}".rstrip()
            + ".",
        )
    if first.amount_minor != order.amount_minor or first.payment_method_id != method.id:
        raise _refused("represents_another", "An entry is presented again for the same amount, to the same account.")
    if len(again) >= codes.most_re_presentments():
        raise _refused("represented_twice", f"It was presented again {len(again)} times; the rules allow no more.")
    until = (first.settles_on or first.effective_on) + dt.timedelta(days=codes.re_presentment_days())
    if clock.today() > until:
        raise _refused("represents_too_late", f"It could be presented again until {until.isoformat()}.")
    return first


def _refused(why: str, message: str) -> EntryRefused:
    return EntryRefused(message, citation=RULES, field="entry", why=why)
