"""Compose a file of entries: batches, trace numbers, content sealed."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from itertools import groupby

from django.db.models import Max

from compliance import vault
from coverpay.kernel import ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict
from payments import method_use
from payments.ach import calendar, columns, records
from payments.ach.layouts import FieldRefused
from payments.ach.terms import Terms
from payments.ach.writing import Batch, Item, Writer
from payments.models import AchEntry, AchFile, GatewayAccount, Mandate, PaymentMethod

MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ANY_TRACE = "0" * 15
_RECURRING, _SINGLE = "R", "S"
_UNSTOPPED = (AchEntry.Purpose.REVERSAL, AchEntry.Purpose.REFUND, AchEntry.Purpose.DISBURSEMENT)


class TooManyFiles(Conflict):
    """The bank tells at most 36 files of a day apart; what is staged goes with the next day's."""

    code = "too_many_ach_files"


def sort_out(entries: Sequence[AchEntry]) -> tuple[list[AchEntry], list[tuple[AchEntry, str]]]:
    """The entries that can be written, and those that cannot, each with why: one never keeps the others back."""
    fit: list[AchEntry] = []
    unfit: list[tuple[AchEntry, str]] = []
    for entry in entries:
        why = _unusable(entry)
        if why:
            unfit.append((entry, why))
        else:
            fit.append(entry)
    return fit, unfit


@step
def compose(
    account: GatewayAccount, said: Terms, entries: list[AchEntry], *, sent_on: dt.date, now: dt.datetime
) -> AchFile:
    """Write the file of these entries and keep it, sealed; each entry is given its file, trace number and days.

    `entries` is put into the order of the file. Raises: TooManyFiles, FileFull.
    """
    same_day = calendar.makes_same_day(now)
    for entry in entries:
        entry.effective_on = calendar.effective_day(sent_on, entry.effective_on, same_day=entry.same_day and same_day)
        entry.settles_on = entry.effective_on
    entries.sort(key=lambda entry: (*_batch_key(entry), entry.id))
    modifier = _next_modifier(account, sent_on)
    first = _next_sequence(account, len(entries))
    local = now.astimezone(said.zone)
    lines: list[str] = []
    created_at = local if local.date() == sent_on else dt.datetime.combine(sent_on, dt.time(0), said.zone)
    writer = Writer(lines.append, said.sender, created_at=created_at, modifier=modifier, first_sequence=first)
    recurring = _recurring(entries)
    for key, group in groupby(entries, key=_batch_key):
        rows = list(group)
        used = writer.batch(_batch(said, key), (_item(entry, recurring) for entry in rows))
        for entry, sequence in zip(rows, used, strict=True):
            entry.trace_number = records.trace_number(said.sender.odfi, sequence)
    totals = writer.close()
    file = _kept(account, "".join(lines), sent_on, f"{said.company_id}-{sent_on:%Y%m%d}-{modifier}", modifier)
    file.entry_count, file.debit_minor, file.credit_minor = len(entries), totals.debit_minor, totals.credit_minor
    file.save(force_insert=True)
    for entry in entries:
        entry.file = file
    return file


def _unusable(entry: AchEntry) -> str:
    """Why an entry must not go out, or nothing. Money that goes back to a payor is not stopped by a block."""
    method = entry.payment_method
    removed = method.state == method_use.REMOVED
    if removed or (method.state == method_use.BLOCKED and entry.purpose not in _UNSTOPPED):
        return f"The method is {method.get_state_display().lower()}."
    try:
        item = _item(entry, frozenset())
        columns.write_entry(records.EntryDetail(*item[:6], discretionary="", has_addenda=0, trace_number=_ANY_TRACE))
    except FieldRefused as error:
        return error.message
    except vault.CannotOpen:
        return "The account number cannot be opened."
    return ""


def _item(entry: AchEntry, recurring: frozenset[str]) -> Item:
    """The line of an entry as its account is now: a correction since it was staged counts."""
    method = entry.payment_method
    said = ""
    if entry.sec_code in ("WEB", "TEL"):
        said = _RECURRING if method.id in recurring else _SINGLE
    return Item(
        transaction_code=_code_now(entry.transaction_code, method),
        routing_number=method.routing_number,
        account_number=method_use.account_number(method),
        amount_minor=entry.amount_minor,
        receiver_id=entry.receiver_id,
        receiver_name=entry.receiver_name,
        discretionary=said,
        text=entry.addenda,
    )


def _code_now(code: str, method: PaymentMethod) -> str:
    first = "3" if method.account_type == PaymentMethod.AccountType.SAVINGS else "2"
    return first + code[1]


def _recurring(entries: Sequence[AchEntry]) -> frozenset[str]:
    """The methods among these whose standing mandate is for more than one debit."""
    wanted = {entry.payment_method_id for entry in entries if entry.sec_code in ("WEB", "TEL")}
    if not wanted:
        return frozenset()
    rows = Mandate.objects.filter(payment_method__in=wanted, revoked_at__isnull=True, recurring=True)
    return frozenset(rows.values_list("payment_method_id", flat=True))


def _batch_key(entry: AchEntry) -> tuple[str, str, dt.date, bool]:
    return entry.sec_code, entry.description, entry.effective_on, records.is_debit(entry.transaction_code)


def _batch(said: Terms, key: tuple[str, str, dt.date, bool]) -> Batch:
    sec_code, description, effective_on, takes = key
    return Batch(
        company_name=said.company_name,
        company_id=said.company_id,
        sec_code=sec_code,
        description=description,
        effective_on=effective_on,
        service_class=records.DEBITS if takes else records.CREDITS,
        company_discretionary=said.company_discretionary,
    )


def _next_modifier(account: GatewayAccount, on: dt.date) -> str:
    used = set(
        AchFile.objects.filter(account=account, direction=AchFile.Direction.OUT, file_date=on).values_list(
            "modifier", flat=True
        )
    )
    free = next((modifier for modifier in MODIFIERS if modifier not in used), None)
    if free is None:
        raise TooManyFiles(f"{len(used)} files of {on.isoformat()} exist; no more can be told apart.", field="account")
    return free


def _next_sequence(account: GatewayAccount, count: int) -> int:
    """Where trace numbers go on after the last file's; they begin anew when they would be used up."""
    last = AchFile.objects.filter(account=account, direction=AchFile.Direction.OUT).order_by("-id").first()
    highest = last.entries.aggregate(most=Max("trace_number"))["most"] if last else None
    first = int(highest[8:]) + 1 if highest else 1
    return first if first + count - 1 <= records.MOST_SEQUENCE else 1


def _kept(account: GatewayAccount, content: str, on: dt.date, name: str, modifier: str) -> AchFile:
    id = ids.new("acf")
    return AchFile(
        id=id,
        organization_id=account.organization_id,
        account=account,
        direction=AchFile.Direction.OUT,
        kind=AchFile.Kind.ORIGINATION,
        name=name,
        file_date=on,
        modifier=modifier,
        content_sealed=vault.seal(content, row_id=id),
        content_hash=hashlib.sha256(content.encode()).hexdigest(),
        state=AchFile.State.BUILT,
    )
