"""Resolve a break by a posting: a fee, interest, a returned item or an unidentified deposit; then its lines match.

What the bank has more than the books is posted to the account's cash by the function of a journal, the new cash line
joins the lines of the break, and the group, which ties now, is kept as a match in the same command. Matching itself
never posts. What is previewed is what happens: a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from billing import suspense, trust
from compliance import access, audit, events, explanations
from compliance.explanations import Figure
from compliance.permissions import Permission
from coverpay.kernel import commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition
from coverpay.kernel.money import Money
from payments import deposit_returns, deposits, expected, journal, resolution_previews, settlement
from payments.models import BreakResolution, DepositItem, GatewayAccount
from payments.resolution_previews import Found, Preview, Wish
from reconciliation import breaks, findings, matches
from reconciliation.ledger.models import Entry, Line
from reconciliation.models import BankAccount, Break, Match

Way = BreakResolution.Way
STAGE = "resolution"


class ResolvedOtherwise(Conflict):
    """The break was resolved before, in another way."""

    code = "resolved_otherwise"


@command
def resolve(*, break_id: str, wish: Wish, reason: str, actor: Actor) -> BreakResolution:
    """Post what a break lacks, match its lines and close it, all at once; said again, it gives what was made.

    Posts:  as `journal.bank_fee_charged`, `merchant_fee_charged` and `bank_interest_credited`, as
            `trust.keep_interest_locked`, as `suspense.open_unidentified`, or as `deposit_returns.bounce_locked` and,
            for an announced payment, `settlement.record_locked`.
    Raises: NotFound, Forbidden, BadText, NotThisWay, IllegalTransition, ResolvedOtherwise, and what these raise.
    """
    access.require(actor, Permission.CASH_WRITE)
    about = access.get_operable(
        actor, Break.objects.all(), break_id, permission=Permission.RECONCILIATION_WRITE, field="break"
    )
    reason = texts.line(reason, field="reason", at_most=300)
    account = matches.locked(about.bank_account_id, actor) if about.bank_account_id else None
    if known := BreakResolution.objects.filter(about=about).first():
        commands.unchanged()
        if known.way != wish.way:
            raise ResolvedOtherwise(f"It was resolved as: {known.get_way_display().lower()}.", field="way")
        return known
    found = resolution_previews.find(breaks.locked_open(break_id, actor), account)
    shown = resolution_previews.preview_of(found, wish)
    made = _unsaved(found, wish, shown, reason, actor)
    made, new_lines = _POSTS[Way(wish.way)](made, found, wish, actor)
    made.match = _matched(made, found, new_lines)
    made.save(force_insert=True)
    explanations.record([Figure(made.id, "resolved", made.amount_minor, made.currency, shown.why)])
    _close(found.about, made)
    _tell(made)
    return made


def preview(*, break_id: str, wish: Wish, actor: Actor) -> Preview:
    """What resolving would post and match; writes nothing.

    Raises: NotFound, Forbidden, NotThisWay, IllegalTransition.
    """
    access.require(actor, Permission.CASH_WRITE)
    rows = Break.objects.select_related("bank_account__ledger_account")
    about = access.get_operable(actor, rows, break_id, permission=Permission.RECONCILIATION_WRITE, field="break")
    if about.state != Break.State.OPEN:
        raise IllegalTransition("The break is closed already.", field="break")
    return resolution_previews.preview_of(resolution_previews.find(about, about.bank_account), wish)


def _unsaved(found: Found, wish: Wish, shown: Preview, reason: str, actor: Actor) -> BreakResolution:
    return BreakResolution(
        id=ids.new("brs"),
        organization_id=found.account.organization_id,
        about=found.about,
        way=wish.way,
        bank_account=found.account,
        amount_minor=found.difference_minor,
        currency=found.account.currency,
        posted_on=shown.posted_on,
        bears=found.processor_account_id if wish.way == Way.MERCHANT_FEE else "",
        reason=reason,
        resolved_by=actor.id,
    )


Posted = tuple[BreakResolution, Sequence[Line]]


@step
def _fee(made: BreakResolution, found: Found, wish: Wish, actor: Actor) -> Posted:
    post = journal.bank_fee_charged if made.way == Way.BANK_FEE else journal.merchant_fee_charged
    return made, _cash_lines(found.account, [post(made, reference=found.reference)])


@step
def _interest(made: BreakResolution, found: Found, wish: Wish, actor: Actor) -> Posted:
    if not found.in_trust:
        return made, _cash_lines(found.account, [journal.bank_interest_credited(made, reference=found.reference)])
    movement = trust.keep_interest_locked(
        found.account, Money(made.amount_minor, made.currency), reference=found.reference, on=made.posted_on
    )
    made.made_id = movement.id
    return made, _lines_of(found.account, {movement.id})


@step
def _suspense(made: BreakResolution, found: Found, wish: Wish, actor: Actor) -> Posted:
    item, _ = suspense.open_unidentified(
        found.account,
        source_id=found.reference,
        payor=wish.payor,
        memo=wish.memo or texts.shown(found.text, 300),
        policy_reference=wish.policy_reference,
        amount=Money(made.amount_minor, made.currency),
        received_on=made.posted_on,
    )
    made.made_id = item.id
    return made, _lines_of(found.account, {item.id})


@step
def _returned(made: BreakResolution, found: Found, wish: Wish, actor: Actor) -> Posted:
    item = deposits.one(wish.deposit_item_id, actor)
    reason = texts.line(wish.why or "nsf", field="why", at_most=150)
    check = deposit_returns.bounce_locked(item, reason=reason, returned_on=found.on)
    made.made_id = item.id
    held = {str(each.suspense_item_id) for each in check}
    lines = _lines_of(found.account, held, kind="suspense.returned")
    return made, [*lines, *_lines_of(found.account, _told_as_payouts(check))]


@step
def _told_as_payouts(check: Sequence[DepositItem]) -> set[str]:
    """Record what the bank took back of announced payments, which reaches the books as payouts. Gives: their ids."""
    found = set()
    for item in check:
        if item.attempt is not None:
            rows = GatewayAccount.objects.select_for_update(of=("self",), no_key=True).select_related("bank_account")
            payout, _ = settlement.record_locked(rows.get(pk=item.attempt.account_id), expected.went_back(item))
            found.add(payout.id)
    return found


_POSTS: Mapping[Way, Callable[[BreakResolution, Found, Wish, Actor], Posted]] = {
    Way.BANK_FEE: _fee,
    Way.MERCHANT_FEE: _fee,
    Way.INTEREST: _interest,
    Way.SUSPENSE: _suspense,
    Way.RETURNED_ITEM: _returned,
}


def _cash_lines(account: BankAccount, entry_ids: Sequence[str]) -> list[Line]:
    return list(Line.objects.filter(entry_id__in=entry_ids, account_id=account.ledger_account_id))


def _lines_of(account: BankAccount, source_ids: Collection[str], kind: str = "") -> list[Line]:
    entries = Entry.objects.filter(source_id__in=source_ids)
    return _cash_lines(account, list((entries.filter(kind=kind) if kind else entries).values_list("id", flat=True)))


@step
def _matched(made: BreakResolution, found: Found, new_lines: Sequence[Line]) -> Match:
    return matches.keep_locked(
        found.account,
        bank_lines=found.bank_lines,
        book_lines=[*found.book_lines, *new_lines],
        stage=STAGE,
        score=1000,
        reason=f"{made.get_way_display()} of {Money(abs(made.amount_minor), made.currency)} was posted: {made.reason}",
        inputs={"break": made.about_id, "resolution": made.id, "difference_minor": made.amount_minor},
        rule_version=str(found.about.inputs.get("rule_version", "")),
        matched_by=made.resolved_by,
    )


@step
def _close(about: Break, made: BreakResolution) -> None:
    """Close the break, and others that waited for the same lines."""
    words = f"{made.get_way_display().lower()} posted, the lines are matched ({made.match_id}). {made.reason}"
    breaks.close_break(about, reason=findings.SETTLED + words)
    findings.close_breaks_of(made.match)


@step
def _tell(made: BreakResolution) -> None:
    facts = {
        "break": made.about_id,
        "way": made.way,
        "bank_account": made.bank_account_id,
        "amount_minor": made.amount_minor,
        "currency": made.currency,
        "match": made.match_id,
        "made": made.made_id,
    }
    audit.record(
        action="break.resolve",
        object_id=made.about_id,
        organization_id=made.organization_id,
        before={"state": "open"},
        after={**facts, "resolution": made.id},
        reason=made.reason,
    )
    events.record(
        type="break.resolved",
        organization_id=made.organization_id,
        object_id=made.about_id,
        data={"resolution": made.id, **facts},
    )
