"""Files that go to the bank: built from what is staged, sent, and what the bank said of them.

An account is locked while its file is built, so two builds follow each other and each staged entry gets into one file.
Account numbers are opened here, while their line is written, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from compliance import access, audit, events, vault
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition
from payments import sweeps
from payments.ach import calendar, composing, telling, terms
from payments.ach.desk import DESK, GATEWAY, withdraw_locked
from payments.models import AchEntry, AchFile, GatewayAccount

State, F = AchEntry.State, AchFile.State
AT_ONCE = 1_000
_TOLD = {F.SENT: "ach_file.sent", F.ACCEPTED: "ach_file.accepted", F.REJECTED: "ach_file.rejected"}


class NothingStaged(Conflict):
    """No entry waits for the next file of this account."""

    code = "nothing_staged"


def build_file(*, account_id: str, actor: Actor) -> AchFile | None:
    """Build the file of what is staged and due; the next of a day gets the next modifier. Gives None when nothing is.

    Entries whose account may not be used any more are withdrawn, and their payments told.
    Raises: NotFound, Forbidden, TermsUnusable, TooManyFiles.
    """
    file, withdrawn = _build(account_id=account_id, actor=actor)
    for entry in withdrawn:
        telling.tell(entry)
    return file


def build_due() -> int:
    """Build the file of every account whose cut-off is over, where something waits. Gives how many it looked at."""
    waiting = GatewayAccount.objects.filter(gateway=GATEWAY, ach_entries__state=State.STAGED).distinct()
    return sweeps.each(list(waiting.order_by("id").values_list("id", flat=True)), _build_at_cut_off)


def _build_at_cut_off(account_id: str) -> None:
    account = GatewayAccount.objects.get(pk=account_id)
    if _is_over(terms.read(account.settings), clock.now()):
        build_file(account_id=account_id, actor=DESK)


@command
def mark_sent(*, file_id: str, actor: Actor) -> AchFile:
    """Say that a built file went to the bank; one that goes later than meant settles later.

    Raises: NotFound, Forbidden, IllegalTransition.
    """
    file = _locked(file_id, actor)
    if file.state == F.SENT:
        commands.unchanged()
        return file
    _move(file, F.SENT, {F.BUILT}, sent_at=clock.now())
    sent_on = clock.now().astimezone(terms.read(file.account.settings).zone).date()
    asked = file.entries.values_list("effective_on", "same_day").distinct().order_by()
    for effective_on, same_day in list(asked):
        settles_on = calendar.settlement_day(effective_on, sent_on, same_day=same_day)
        file.entries.filter(effective_on=effective_on, same_day=same_day).update(settles_on=settles_on)
    return file


@command
def mark_accepted(*, file_id: str, actor: Actor) -> AchFile:
    """Say that the bank took a file. Raises: NotFound, Forbidden, IllegalTransition."""
    file = _locked(file_id, actor)
    _move(file, F.ACCEPTED, {F.SENT})
    return file


def mark_rejected(*, file_id: str, reason: str, actor: Actor) -> AchFile:
    """Say that the bank did not take a file: none of its entries moved money, and their payments are told.

    Raises: NotFound, Forbidden, IllegalTransition once an entry of it settled, BadText.
    """
    file = _reject(file_id=file_id, reason=reason, actor=actor)
    for entry in file.entries.filter(state=State.REJECTED).iterator(AT_ONCE):
        telling.tell(entry)
    return file


@command
def _build(*, account_id: str, actor: Actor) -> tuple[AchFile | None, list[AchEntry]]:
    rows = GatewayAccount.objects.select_for_update(no_key=True).filter(gateway=GATEWAY)
    account = access.get_operable(actor, rows, account_id, permission=Permission.PAYMENTS_WRITE, field="account")
    said = terms.read(account.settings)
    now = clock.now()
    sent_on = calendar.on_or_after(now.astimezone(said.zone).date())
    staged = list(
        AchEntry.objects.select_for_update(of=("self",), no_key=True)
        .filter(account=account, state=State.STAGED, effective_on__lte=calendar.plus(sent_on, 1))
        .select_related("payment_method")
        .order_by("id")
    )
    fit, unfit = composing.sort_out(staged)
    for entry, why in unfit:
        withdraw_locked(entry, why)
    withdrawn = [entry for entry, _ in unfit]
    if not fit:
        commands.unchanged()
        return None, withdrawn
    file = composing.compose(account, said, fit, sent_on=sent_on, now=now)
    for begin in range(0, len(fit), AT_ONCE):
        chunk = fit[begin : begin + AT_ONCE]
        for entry in chunk:
            entry.put_in_file()
        AchEntry.objects.bulk_update(chunk, ["state", "file", "trace_number", "effective_on", "settles_on"])
    _tell("ach_file.built", file)
    return file, withdrawn


@command
def _reject(*, file_id: str, reason: str, actor: Actor) -> AchFile:
    file = _locked(file_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    if file.entries.exclude(state=State.FILED).exists():
        raise IllegalTransition("Entries of this file settled or came back already; the bank took it.", field="file")
    _move(file, F.REJECTED, {F.BUILT, F.SENT}, result=reason)
    waiting = list(file.entries.select_for_update(no_key=True).order_by("id"))
    for begin in range(0, len(waiting), AT_ONCE):
        chunk = waiting[begin : begin + AT_ONCE]
        for entry in chunk:
            entry.reject()
        AchEntry.objects.bulk_update(chunk, ["state"])
    return file


@step
def _locked(file_id: str, actor: Actor) -> AchFile:
    rows = AchFile.objects.select_for_update(of=("self",), no_key=True).filter(direction=AchFile.Direction.OUT)
    return access.get_operable(
        actor, rows.select_related("account"), file_id, permission=Permission.PAYMENTS_WRITE, field="file"
    )


@step
def _move(file: AchFile, to: AchFile.State, allowed: set[AchFile.State], **changes: Any) -> None:
    """Move a locked file on. Raises: IllegalTransition, naming what it is."""
    if file.state not in allowed:
        raise IllegalTransition(f"The file is {file.get_state_display().lower()}.", field="file", state=file.state)
    file.state = to
    for name, value in changes.items():
        setattr(file, name, value)
    file.save(update_fields=["state", *changes])
    _tell(_TOLD[to], file, reason=file.result)


@step
def _tell(type: str, file: AchFile, reason: str = "") -> None:
    facts = {
        "name": file.name,
        "state": file.state,
        "entries": file.entry_count,
        "debit_minor": file.debit_minor,
        "credit_minor": file.credit_minor,
    }
    audit.record(action=type, object_id=file.id, organization_id=file.organization_id, after=facts, reason=reason)
    events.record(
        type=type, organization_id=file.organization_id, object_id=file.id, data={"ach_file": file.id, **facts}
    )


def _is_over(said: terms.Terms, now: dt.datetime) -> bool:
    """Whether the cut-off of a banking day is over."""
    local = now.astimezone(said.zone)
    return calendar.is_banking_day(local.date()) and local.time() >= said.cut_off


@command
def open_content(*, file_id: str, actor: Actor) -> tuple[AchFile, bytes]:
    """Open a file of either direction to hand it to the bank or to look at it; who did so is kept.

    Raises: NotFound, Forbidden.
    """
    rows = AchFile.objects.select_related("account")
    file = access.get_operable(actor, rows, file_id, permission=Permission.PAYMENTS_WRITE, field="file")
    audit.record(
        action="ach_file.open",
        object_id=file.id,
        organization_id=file.organization_id,
        after={"name": file.name, "hash": file.content_hash},
    )
    return file, content_of(file)


def content_of(file: AchFile) -> bytes:
    """A file's content, byte for byte."""
    return vault.open_sealed(file.content_sealed, row_id=file.id).encode("latin-1")
