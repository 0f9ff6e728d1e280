"""Notices about past due money: made once and frozen, mailed with proof, and void when they no longer hold.

A notice of cancellation lets a term end only once every recipient's copy is proved to have been mailed in time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from billing import delinquency_plans, equity, notice_texts, past_due
from billing.equity import CancelDay, Equity
from billing.models import Delinquency, Notice, NoticeMailing
from billing.past_due import PastDue
from compliance import access, audit, business_days, deadlines, events, explanations
from compliance.deadlines import NoticeRule
from compliance.explanations import Figure
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid, RuleViolation
from policies import cancellations, conditions, earning, locks, transactions
from policies.cancellations import CancellationRequest
from policies.events import PremiumPaid
from policies.models import Cancellation, Policy, Term

_PROVES = {
    "certificate": ("certificate", "receipt", "barcode", "tracking", "proof", "form 3817", "usps"),
    "certified": ("certified", "registered or certified"),
    "registered": ("registered",),
    "electronic": ("electronic",),
    "personal": ("personal delivery", "delivered", "delivery directly"),
}
"""The words of a state's rule on proof of mailing that each method meets."""
_PLAIN_MAIL = ("first-class", "first class", "regular mail", "mail to", "postage-paid mail", "mailed to", "mailing is")
_STRONGER = ("certificate", "certified", "registered", "receipt", "barcode", "tracking", "form 3817", "proof")


class MailingProofInsufficient(RuleViolation):
    """The state's rule asks for another way of mailing, or for proof of it."""

    code = "mailing_proof_insufficient"


class NoticeNotLive(Conflict):
    """The notice was mailed to everyone, satisfied or made void before."""

    code = "notice_not_live"


def rule_of(policy: Policy, term: Term, on: dt.date) -> NoticeRule:
    """What the state asks of a notice of cancellation for non-payment of a term."""
    said = conditions.read(term.program_version.terms, policy.program.currency)
    first = policy.terms.order_by("number").values_list("effective_on", flat=True)[0]
    return deadlines.notice_days(
        policy.operator_id,
        state=term.state_code,
        line=said.line,
        admitted=said.admitted,
        on=on,
        days_in_force=max(0, (on - first).days),
        renewal=term.number > 1,
    )


def equity_of(term: Term) -> Equity:
    """How long the premium paid keeps cover of a term, by its segments."""
    said = transactions.conditions_of(term)
    slices = transactions.slices_of(term)
    return equity.by_earning(
        lambda day: earning.earned_minor(slices, day, said.day_count),
        starts_on=term.effective_on,
        ends_on=term.expires_on,
        paid_minor=bus.ask(PremiumPaid(term_id=term.id)),
    )


def cancel_day(delinquency: Delinquency, rule: NoticeRule, equity_date: Equity, mailed_on: dt.date) -> CancelDay:
    """The first day on which a notice mailed on a day can end cover; a plan may ask for more days than the state."""
    spec = delinquency_plans.read(delinquency.plan_version.spec)
    days = rule.days or 0
    if rule.business_days:
        days = (past_due.business_days_later(mailed_on, days) - mailed_on).days
    return equity.cancel_day(
        equity_on=equity_date.on,
        mailed_on=mailed_on,
        notice_days=max(days, spec.minimum_notice_days),
        mail_days=rule.mail_days_added or 0,
        next_open_day=lambda day: business_days.shift(day, "next"),
        citation=rule.citation,
    )


@step
def prepare_cancellation(delinquency: Delinquency, rule: NoticeRule, due: PastDue, on: dt.date) -> Notice:
    """Make a notice of cancellation that demands premium and taxes past due, and freeze all it says.

    Takes:  an established rule; what is past due of the delinquency's term.
    """
    policy, term = delinquency.policy, delinquency.term
    spec = delinquency_plans.read(delinquency.plan_version.spec)
    mail_by = on + dt.timedelta(days=spec.mail_within_days)
    equity_date = equity_of(term)
    day = cancel_day(delinquency, rule, equity_date, mail_by)
    content = notice_texts.cancellation(
        policy, due.premium_lines, currency=delinquency.currency, equity=equity_date, day=day, rule=rule
    )
    notice = Notice.objects.create(
        policy=policy,
        term=term,
        delinquency=delinquency,
        kind=Notice.Kind.CANCELLATION,
        prepared_on=on,
        mail_by=mail_by,
        cancel_on=day.on,
        demanded_minor=due.premium_minor,
        currency=delinquency.currency,
        content=content,
        citation=rule.citation,
    )
    paid = bus.ask(PremiumPaid(term_id=term.id))
    demanded = past_due.why(due.premium_lines, citation=rule.citation)
    explanations.record(
        [
            Figure(notice.id, "demanded", due.premium_minor, delinquency.currency, demanded),
            Figure(notice.id, "equity_date", paid, delinquency.currency, equity_date.why),
            Figure(notice.id, "cancel_date", due.premium_minor, delinquency.currency, day.why),
        ]
    )
    _tell(notice, "notice.prepared")
    return notice


@step
def prepare_letter(delinquency: Delinquency, kind: str, content: Mapping[str, Any], demanded_minor: int = 0) -> Notice:
    """Make a letter that starts nothing: reminder, rescission, confirmation of cancellation."""
    notice = Notice.objects.create(
        policy=delinquency.policy,
        term=delinquency.term,
        delinquency=delinquency,
        kind=kind,
        prepared_on=clock.today(),
        demanded_minor=demanded_minor,
        currency=delinquency.currency,
        content=dict(content),
    )
    _tell(notice, "notice.prepared")
    return notice


@command
def mail(
    *,
    notice_id: str,
    method: str,
    mailed_on: dt.date,
    proof_reference: str,
    recipients: Collection[str] = (),
    actor: Actor,
) -> Notice:
    """Keep proof that a notice was mailed; once every recipient's copy was, a cancellation is announced for its day.

    Takes:  `recipients` as the notice names them (``Insured: Aloha Foods``); all that are left when none is named.
    Gives:  the notice; the one that replaces it when it was mailed too late or no longer says what is due.
    Raises: NotFound, Forbidden, NoticeNotLive, MailingProofInsufficient, Invalid, InMoratorium, CancellationPending.
    """
    found = access.get_operable(actor, Notice.objects.all(), notice_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(found.policy_id)
    notice = _with_all(found.pk)
    if notice.state != Notice.State.PREPARED:
        raise NoticeNotLive(f"The notice is {notice.get_state_display().lower()}; it cannot be mailed.", field="notice")
    _check_mailing(notice, method, mailed_on)
    proof = texts.line(proof_reference, field="proof_reference", at_most=120)
    _prove(notice, _to_whom(notice, recipients), method, mailed_on, proof)
    if _unproved(notice):
        return notice
    if notice.kind != Notice.Kind.CANCELLATION:
        return _mailed(notice)
    return _announce(policy, notice)


def _check_mailing(notice: Notice, method: str, mailed_on: dt.date) -> None:
    if method not in NoticeMailing.Method.values:
        raise Invalid(f"The method is one of {', '.join(NoticeMailing.Method.values)}.", field="method")
    if not notice.prepared_on <= mailed_on <= clock.today():
        raise Invalid(f"It was mailed from {notice.prepared_on} to today.", field="mailed_on")
    proof = str(notice.content.get("proof", ""))
    if notice.kind == Notice.Kind.CANCELLATION and not meets(proof, method):
        said = f"{NoticeMailing.Method(method).label} does not prove it there: {proof}."
        raise MailingProofInsufficient(said, citation=notice.citation, field="method")


def meets(proof: str, method: str) -> bool:
    """Whether a way of mailing meets a state's rule on proof, read by its words; no rule is met by any way."""
    rule = proof.lower()
    if not rule:
        return True
    if method == NoticeMailing.Method.FIRST_CLASS:
        return any(word in rule for word in _PLAIN_MAIL) and not any(word in rule for word in _STRONGER)
    if method == NoticeMailing.Method.CERTIFICATE and any(word in rule for word in _PLAIN_MAIL):
        return True
    return any(word in rule for word in _PROVES[method])


def _to_whom(notice: Notice, named: Collection[str]) -> list[str]:
    left = _unproved(notice)
    wrong = [name for name in named if name not in left]
    if wrong:
        raise Invalid(f"{wrong[0]!r} is not waited for; left are: {', '.join(left)}.", field="recipients")
    return list(named) or left


def _unproved(notice: Notice) -> list[str]:
    done = set(notice.mailings.values_list("recipient", flat=True))
    return [key for key in notice_texts.keys(notice.content) if key not in done]


def _prove(notice: Notice, to: list[str], method: str, mailed_on: dt.date, proof: str) -> None:
    for recipient in to:
        NoticeMailing.objects.create(
            notice=notice, recipient=recipient, method=method, mailed_on=mailed_on, proof_reference=proof
        )
    audit.record(
        action="notice.prove_mailing",
        object_id=notice.id,
        organization_id=notice.policy.operator_id,
        after={"recipients": to, "method": method, "mailed_on": mailed_on.isoformat(), "proof": proof},
    )


def _announce(policy: Policy, notice: Notice) -> Notice:
    """Announce the cancellation of a notice that holds; make another in place of one that does not."""
    delinquency = notice.delinquency
    assert delinquency is not None and notice.cancel_on is not None and notice.mail_by is not None
    last = max(notice.mailings.values_list("mailed_on", flat=True))
    why = _flaw(delinquency, notice, last)
    if why:
        void_locked(notice, why)
        return _replace(delinquency, notice)
    cancellations.cancel_locked(
        policy,
        CancellationRequest(
            effective_on=notice.cancel_on,
            method=Cancellation.Method.PRO_RATA,
            reason=Cancellation.Reason.NONPAYMENT,
            initiator="insurer",
            note=f"Notice {notice.id}",
        ),
    )
    delinquency.next_on = notice.cancel_on
    delinquency.save(update_fields=["next_on"])
    return _mailed(notice)


def _flaw(delinquency: Delinquency, notice: Notice, last: dt.date) -> str:
    """Why a notice does not hold as it was mailed, or nothing."""
    assert notice.cancel_on is not None and notice.mail_by is not None
    if last > notice.mail_by:
        rule = rule_of(notice.policy, notice.term, notice.prepared_on)
        day = cancel_day(delinquency, rule, equity_of(notice.term), last)
        if day.on > notice.cancel_on:
            return f"Mailed on {last}, later than {notice.mail_by}: cover cannot end before {day.on}."
    due = past_due.of_term(notice.term, delinquency_plans.read(delinquency.plan_version.spec), clock.today())
    if due.premium_minor < notice.demanded_minor:
        return "It demands more than is due now."
    return ""


def _replace(delinquency: Delinquency, old: Notice) -> Notice:
    """Make a notice in place of a void one; give the old one when what is due now is too little, or not ruled on."""
    on = clock.today()
    spec = delinquency_plans.read(delinquency.plan_version.spec)
    due = past_due.of_term(delinquency.term, spec, on)
    rule = rule_of(delinquency.policy, delinquency.term, on)
    enough = due.premium_minor >= delinquency_plans.minor(spec.cancel, delinquency.currency)
    if enough and not rule.needs_decision:
        return prepare_cancellation(delinquency, rule, due, on)
    delinquency.next_position = delinquency_plans.position_of(spec, delinquency_plans.NOTICE) or 0
    delinquency.next_on = on
    delinquency.save(update_fields=["next_position", "next_on"])
    return old


@step
def replace_overstated(delinquency: Delinquency, notice: Notice) -> Notice:
    """Make a notice that demands what is due now in place of a prepared one that demands more."""
    void_locked(notice, "It demands more than is due now.")
    return _replace(delinquency, notice)


@command
def void(*, notice_id: str, reason: str, actor: Actor) -> Notice:
    """Take all effect from a notice, and its pending cancellation with it; the delinquency waits for a person.

    Raises: NotFound, Forbidden, IllegalTransition once it is satisfied or void, or its cancellation took effect.
    """
    found = access.get_operable(actor, Notice.objects.all(), notice_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(found.policy_id)
    notice = _with_all(found.pk)
    reason = texts.line(reason, field="reason", at_most=300)
    if notice.state not in (Notice.State.PREPARED, Notice.State.MAILED):
        raise IllegalTransition(f"The notice is {notice.get_state_display().lower()} already.", field="notice")
    if notice.kind == Notice.Kind.CANCELLATION and notice.state == Notice.State.MAILED:
        if notice.term.state == Term.State.CANCELLED:
            raise IllegalTransition("Its cancellation took effect; reinstate the policy instead.", field="notice")
        rescind(policy, notice.term, reason)
    void_locked(notice, reason)
    delinquency = notice.delinquency
    if delinquency is not None and delinquency.state in Delinquency.LIVE and notice.kind == Notice.Kind.CANCELLATION:
        delinquency.next_position = max(0, delinquency.next_position - 1)
        delinquency.next_on = clock.today()
        delinquency.needs_decision = "A person made the notice void: decide how to go on."
        delinquency.save(update_fields=["next_position", "next_on", "needs_decision"])
    return notice


@step
def rescind(policy: Policy, term: Term, reason: str) -> bool:
    """Take back the pending cancellation of a term for non-payment, if there is one."""
    pending = term.cancellations.filter(state=Cancellation.State.PENDING, reason=Cancellation.Reason.NONPAYMENT).first()
    if pending is not None:
        cancellations.rescind_locked(policy, pending, reason)
    return pending is not None


@step
def void_locked(notice: Notice, reason: str) -> None:
    """Take all effect from a prepared or mailed notice."""
    notice.void()
    notice.save(update_fields=["state"])
    _tell(notice, "notice.void", reason)


@step
def satisfy(notice: Notice) -> None:
    """Keep that what a mailed notice demanded was paid in time."""
    notice.satisfy()
    notice.save(update_fields=["state"])
    _tell(notice, "notice.satisfied")


def _mailed(notice: Notice) -> Notice:
    notice.mail()
    notice.save(update_fields=["state"])
    _tell(notice, "notice.mailed")
    return notice


def _with_all(notice_id: str) -> Notice:
    """A notice with the rows its letter and its day are worked out from."""
    rows = Notice.objects.select_related(
        "policy__program", "policy__operator", "policy__insured", "term__program_version", "delinquency__plan_version"
    )
    return rows.get(pk=notice_id)


def _tell(notice: Notice, event: str, reason: str = "") -> None:
    said = {
        "kind": notice.kind,
        "state": notice.state,
        "demanded_minor": notice.demanded_minor,
        "currency": notice.currency,
        "cancel_on": notice.cancel_on.isoformat() if notice.cancel_on else None,
    }
    operator_id = notice.policy.operator_id
    audit.record(action=event, object_id=notice.id, organization_id=operator_id, after=said, reason=reason)
    events.record(
        type=event,
        organization_id=operator_id,
        object_id=notice.id,
        subject_id=notice.policy_id,
        data={"notice": notice.id, "policy": notice.policy_id, **said, "reason": reason},
    )
