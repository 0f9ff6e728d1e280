"""One record of a received file takes effect, or is kept for a person with the reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compliance import access, audit, vault
from compliance.permissions import Permission
from coverpay.kernel import commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import DomainError, IllegalTransition
from coverpay.kernel.money import Money
from payments import methods, validations
from payments.ach import calendar, codes, corrections, records, telling
from payments.ach.columns import LAYOUTS
from payments.ach.corrections import Correction, CorrectionUnreadable
from payments.ach.desk import CURRENCY, DESK
from payments.models import AchEntry, AchFile, AchNews, PaymentMethod
from reconciliation import breaks
from reconciliation.models import Break

State, Purpose, N = AchEntry.State, AchEntry.Purpose, AchNews.State
BLOCKING = frozenset({"R02", "R03", "R04", "R05", "R07", "R10", "R29"})
"""Returns after which the account is never charged again: the authorization is gone, or the account is."""


class NewsOver(IllegalTransition):
    """The news was applied or decided already."""

    code = "ach_news_over"


@dataclass(frozen=True, slots=True)
class Item:
    """What one place of a received file says. `unproved` says why it may not be applied, `raw` what stands there."""

    line: int
    column: int
    sec_code: str = ""
    entry: records.EntryDetail | None = None
    addenda: tuple[Any, ...] = ()
    settled_on: dt.date | None = None
    unproved: str = ""
    problem: str = ""
    raw: str = ""


class _NotApplied(Exception):
    """Why a record cannot be applied; a person decides."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A record with the entry of ours that it is about."""

    item: Item
    addenda: Any
    entry: AchEntry
    code: str


def apply(file: AchFile, number: int, item: Item) -> None:
    """Let one item take effect, once: first the payment hears of it, then the entry and its news are written.

    Dying between the two loses nothing: telling a payment twice does no harm, and the news is not there yet.
    """
    try:
        found = _find(file, item)
    except _NotApplied as why:
        _keep(file_id=file.id, number=number, item=item, reason=str(why), actor=DESK)
        return
    if isinstance(found.addenda, records.Return) and found.entry.state in (State.FILED, State.SETTLED):
        telling.returned(found.entry, found.code)
    try:
        _take_effect(file_id=file.id, number=number, found=found, actor=DESK)
    except _NotApplied as why:
        _keep(file_id=file.id, number=number, item=item, reason=str(why), actor=DESK)


@command
def decide(*, news_id: str, reason: str, actor: Actor) -> AchNews:
    """A person says what was done about news in quarantine. Raises: NotFound, Forbidden, BadText, NewsOver."""
    rows = AchNews.objects.select_for_update(of=("self",), no_key=True).select_related("file")
    news = access.get_operable(actor, rows, news_id, permission=Permission.PAYMENTS_WRITE, field="news")
    reason = texts.line(reason, field="reason", at_most=300)
    if news.state != N.QUARANTINED:
        raise NewsOver(f"It is {news.get_state_display().lower()} already.", field="news")
    news.state, news.decided_reason = N.DECIDED, reason
    news.save(update_fields=["state", "decided_reason"])
    audit.record(
        action="ach_news.decide",
        object_id=news.id,
        organization_id=news.file.organization_id,
        before={"state": N.QUARANTINED},
        after={"state": news.state},
        reason=reason,
    )
    return news


def _find(file: AchFile, item: Item) -> _Found:
    """The entry of ours that an item is about. Raises: _NotApplied."""
    if item.unproved:
        raise _NotApplied(item.unproved)
    assert item.entry is not None
    addenda = item.addenda[0] if item.addenda else None
    if item.sec_code == "ACK":
        return _Found(item, None, _ours(file, item.entry.receiver_id, None), "ACK")
    if addenda is None or isinstance(addenda, records.Addenda05):
        raise _NotApplied("This is no return, change or acknowledgement; nothing is booked from it.")
    if isinstance(addenda, records.RefusedChange):
        raise _NotApplied("A notification of change goes back; we send none.")
    amount = None if isinstance(addenda, records.Change) else item.entry.amount_minor
    return _Found(item, addenda, _ours(file, addenda.original_trace, amount), addenda.code)


def _ours(file: AchFile, trace: str, amount_minor: int | None) -> AchEntry:
    """Our entry of a trace number, the newest; the amount must be the same, for trace numbers begin anew some day."""
    rows = AchEntry.objects.filter(account=file.account_id, trace_number=trace).select_related("account", "file")
    known = list(rows.exclude(state=State.STAGED).order_by("-id"))
    if not known:
        raise _NotApplied(f"No entry of this account has the trace number {trace or 'it should name'}.")
    for entry in known:
        if amount_minor is None or entry.amount_minor == amount_minor:
            return entry
    raise _NotApplied(f"Entry {trace} moved {_money(known[0].amount_minor)}, not {_money(amount_minor or 0)}.")


@command
def _take_effect(*, file_id: str, number: int, found: _Found, actor: Actor) -> None:
    file = AchFile.objects.select_for_update(no_key=True).get(pk=file_id)
    if file.news.filter(detail__number=number).exists():
        commands.unchanged()
        return
    rows = AchEntry.objects.select_for_update(of=("self",), no_key=True)
    entry = rows.select_related("payment_method", "account").get(pk=found.entry.pk)
    detail = {"number": number, **_EFFECTS[type(found.addenda)](entry, found)}
    if found.addenda is not None:
        detail["title"] = codes.title(found.code)
    news = _written(file, number, found.item, found.code, detail, entry=entry)
    audit.record(
        action="ach_news.apply",
        object_id=news.id,
        organization_id=file.organization_id,
        after={"code": found.code, "entry": entry.id, "state": entry.state},
    )


@command
def _keep(*, file_id: str, number: int, item: Item, reason: str, actor: Actor) -> None:
    """Keep what was not applied, sealed, with its reason."""
    file = AchFile.objects.select_for_update(no_key=True).get(pk=file_id)
    if file.news.filter(detail__number=number).exists():
        commands.unchanged()
        return
    addenda = item.addenda[0] if item.addenda else None
    code = getattr(addenda, "code", "") if item.sec_code != "ACK" else "ACK"
    detail = {"number": number, "problem": item.problem, "title": codes.title(code)}
    news = _written(file, number, item, code, detail, reason=reason)
    audit.record(
        action="ach_news.quarantine",
        object_id=news.id,
        organization_id=file.organization_id,
        after={"line": item.line, "code": code},
        reason=news.reason,
    )


@step
def _written(
    file: AchFile,
    number: int,
    item: Item,
    code: str,
    detail: dict[str, Any],
    *,
    entry: AchEntry | None = None,
    reason: str = "",
) -> AchNews:
    id = ids.new("acn")
    raw = item.raw or _rewritten(item)
    return AchNews.objects.create(
        id=id,
        file=file,
        line=item.line,
        column=item.column,
        code=code,
        entry=entry,
        record_sealed=vault.seal(raw, row_id=id) if raw else "",
        detail=detail,
        reason=texts.shown(reason, 300),
        state=N.QUARANTINED if reason else N.APPLIED,
    )


def _rewritten(item: Item) -> str:
    """The record as it stood in the file."""
    if item.entry is None:
        return ""
    by_kind = {layout.record: layout for layout in LAYOUTS}
    lines = [by_kind[records.EntryDetail].write(item.entry)]
    return "\n".join([*lines, *(by_kind[type(one)].write(one) for one in item.addenda)])


# -- what each kind of record does; each gives what the news shows -----------------------------------------------------


@step
def _return(entry: AchEntry, found: _Found) -> dict[str, Any]:
    if entry.state == State.RETURNED:
        raise _NotApplied(
            f"The entry was returned before, as {entry.return_code}; our bank can dishonor this one (R67)."
        )
    if entry.state not in (State.FILED, State.SETTLED):
        raise _NotApplied(f"The entry is {entry.get_state_display().lower()}; nothing was to come back.")
    on = found.item.settled_on
    entry.send_back()
    entry.return_code, entry.returned_on = found.code, on
    entry.save(update_fields=["state", "return_code", "returned_on"])
    code = codes.returns()[found.code]
    if found.code in BLOCKING:
        methods.block_locked(entry.payment_method, f"{code.code} {code.title}")
    if entry.purpose in (Purpose.PRENOTE, Purpose.MICRO):
        validations.prenote_returned(entry.reference, f"{code.code} {code.title}")
    return {"information": found.addenda.information, **_late(entry, code)}


def _late(entry: AchEntry, code: codes.ReturnCode) -> dict[str, Any]:
    """What to do about a return that came after its time: our bank may dishonor it, within five banking days."""
    if entry.settles_on is None or entry.returned_on is None:
        return {}
    until = calendar.return_deadline(entry.settles_on, in_sixty_days=code.in_sixty_days)
    if entry.returned_on <= until:
        return {}
    dishonor_by = calendar.dishonor_deadline(entry.returned_on)
    return {"late_since": until.isoformat(), "dishonor_by": dishonor_by.isoformat()}


@step
def _change(entry: AchEntry, found: _Found) -> dict[str, Any]:
    try:
        correction = corrections.read(found.code, found.addenda.corrected)
    except CorrectionUnreadable as error:
        raise _NotApplied(f"{found.code}: {error}; our bank can refuse the change.") from None
    if correction.name or correction.receiver_id:
        raise _NotApplied(f"{found.code} corrects a name or number of the payor's; a person changes it there.")
    if correction.changes_account:
        _correct(entry.payment_method, correction, found.code)
    return {"corrects": list(codes.changes()[found.code].corrects)}


@step
def _correct(method: PaymentMethod, correction: Correction, code: str) -> None:
    try:
        methods.correct_account(
            method,
            routing_number=correction.routing_number or None,
            account_number=correction.account_number or None,
            account_type=correction.account_type or None,
            reason=f"{code} {codes.title(code)}",
        )
    except DomainError as error:
        raise _NotApplied(f"{code} cannot be taken over: {error.message}") from None
    except vault.CannotOpen as error:
        raise _NotApplied(f"{code} cannot be taken over: {error}") from None


@step
def _dishonored(entry: AchEntry, found: _Found) -> dict[str, Any]:
    """Our bank did not take a return: the money stays, or comes back to us."""
    if entry.state != State.RETURNED:
        raise _NotApplied(f"The entry is {entry.get_state_display().lower()}, not returned.")
    entry.settle()
    entry.save(update_fields=["state"])
    _break(
        entry, found, sign=1, said="Its return was dishonored: the money is ours again, and its payment is returned."
    )
    return {"return_code": f"R{found.addenda.return_code}"}


@step
def _contested(entry: AchEntry, found: _Found) -> dict[str, Any]:
    """The other bank insists: the money is gone again."""
    if entry.state != State.SETTLED:
        raise _NotApplied(f"The entry is {entry.get_state_display().lower()}; its return was not dishonored.")
    entry.send_back()
    entry.returned_on = found.item.settled_on
    entry.save(update_fields=["state", "returned_on"])
    _break(entry, found, sign=-1, said="The receiving bank contests that its return was dishonored.")
    return {"return_code": f"R{found.addenda.return_code}", "dishonored_code": f"R{found.addenda.dishonored_code}"}


@step
def _acknowledged(entry: AchEntry, found: _Found) -> dict[str, Any]:
    return {"title": "The receiving bank has the credit."}


@step
def _break(entry: AchEntry, found: _Found, *, sign: int, said: str) -> None:
    """Money moves by no payment of ours: a person follows it."""
    takes = 1 if records.is_debit(entry.transaction_code) else -1
    breaks.open_break(
        organization_id=entry.account.organization_id,
        kind=Break.Kind.GATEWAY_CONTRADICTS,
        subject_id=entry.reference,
        difference=Money(sign * takes * entry.amount_minor, CURRENCY),
        reason=said,
        inputs={"entry": entry.id, "code": found.code},
        bank_account_id=entry.account.bank_account_id,
    )


_EFFECTS: dict[type, Callable[[AchEntry, _Found], dict[str, Any]]] = {
    records.Return: _return,
    records.Change: _change,
    records.Dishonored: _dishonored,
    records.Contested: _contested,
    type(None): _acknowledged,
}


def _money(minor: int) -> str:
    return str(Money(minor, CURRENCY))
