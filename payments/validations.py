"""Account validation: shows that a bank account is open and the payor's, before its first debit authorized on the web.

A prenote passes when nobody returned it by the third banking day after it settled. Micro-entries are two credits below
one dollar, taken back by one debit of their sum, that the payor names from the statement; three wrong answers fail it.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Sequence

from django.db.models import QuerySet

from compliance import access, audit, events, vault
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, ids
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from payments import methods, sweeps
from payments.ach import calendar, staging
from payments.ach.staging import Order
from payments.gateways import registry
from payments.models import AccountValidation, AchEntry, GatewayAccount, PaymentMethod

PRENOTE, MICRO = AccountValidation.Kind.PRENOTE, AccountValidation.Kind.MICRO_ENTRIES
PENDING = AccountValidation.State.PENDING
MOST_TRIES = 3
WAIT_BANKING_DAYS = 3
VALIDATOR = system("validation")
_OUT = (AchEntry.State.FILED, AchEntry.State.SETTLED)
_DEAD = (AchEntry.State.REJECTED, AchEntry.State.WITHDRAWN, AchEntry.State.RETURNED)


class NothingToValidate(Conflict):
    """The method needs no validation: it is a card, it is kept by a processor, or it is validated already."""

    code = "nothing_to_validate"


class ValidationPending(Conflict):
    """Another validation of the account is on its way; wait for it, or enter its amounts."""

    code = "validation_pending"


class ValidationOver(Conflict):
    """The validation was decided; start another one."""

    code = "validation_over"


class NoAchAccount(Conflict):
    """The organization has no open account that sends entries to banks."""

    code = "no_ach_account"


class AmountsWrong(Invalid):
    """These are not the two amounts; `tries_left` says how often they may still be named."""

    code = "amounts_wrong"


class ValidationFailed(Conflict):
    """The amounts were named wrong too often; the account stays unvalidated until another validation passes."""

    code = "validation_failed"


@command
def start(*, payment_method_id: str, kind: str, actor: Actor, account_id: str | None = None) -> AccountValidation:
    """Start to validate a bank account: a prenote, or micro-entries, in the next file.

    Takes:  `kind` prenote or micro_entries; the account that sends it, the organization's first one by default.
    Gives:  the validation; the same kind again gives the one that is on its way.
    Raises: NotFound, Forbidden, Invalid, NothingToValidate, ValidationPending, NoAchAccount, MethodOver, EntryRefused.
    """
    rows = PaymentMethod.objects.select_for_update(no_key=True, of=("self",)).select_related("party")
    method = access.get_operable(
        actor, rows, payment_method_id, permission=Permission.PAYMENTS_WRITE, field="payment_method"
    )
    if kind not in (PRENOTE, MICRO):
        raise Invalid("An account is validated by prenote or micro_entries.", field="kind")
    if method.state in (PaymentMethod.State.BLOCKED, PaymentMethod.State.REMOVED):
        raise methods.MethodOver(f"It is {method.get_state_display().lower()}.", field="payment_method")
    if method.state != PaymentMethod.State.UNVALIDATED or not method.account_sealed:
        raise NothingToValidate(f"{method} needs no validation.", field="payment_method")
    standing = AccountValidation.objects.filter(payment_method=method, state=PENDING).first()
    if standing is not None and standing.kind == kind:
        commands.unchanged()
        return standing
    if standing is not None:
        raise ValidationPending(
            f"{standing.get_kind_display()} are on their way.", field="kind", validation=standing.id
        )
    account = _sender(method.organization_id, account_id)
    validation = AccountValidation(id=ids.new("val"), payment_method=method, account=account, kind=kind)
    entries = _stage(validation, method, account)
    if kind == PRENOTE:
        validation.ready_at = _ready_at(entries[0])
    validation.save(force_insert=True)
    _tell("account_validation.started", validation)
    return validation


def confirm(*, validation_id: str, amounts_minor: Sequence[int], actor: Actor) -> AccountValidation:
    """Name the two amounts of micro-entries back, in any order. A wrong answer is counted, then refused.

    Raises: NotFound, Forbidden, Invalid, ValidationOver, AmountsWrong (with `tries_left`), ValidationFailed.
    """
    validation = _answer(validation_id=validation_id, amounts_minor=tuple(amounts_minor), actor=actor)
    if validation.state == AccountValidation.State.FAILED:
        raise ValidationFailed("The amounts were wrong three times. Start another validation.", field="amounts_minor")
    if validation.state == PENDING:
        left = MOST_TRIES - validation.tries
        raise AmountsWrong(
            f"These are not the two amounts on the statement. They may be named {left} more time{'s'[: left - 1]}.",
            field="amounts_minor",
            tries_left=left,
        )
    return validation


@command
def _answer(*, validation_id: str, amounts_minor: tuple[int, ...], actor: Actor) -> AccountValidation:
    validation = _locked(actor, validation_id)
    if validation.kind != MICRO:
        raise Invalid("Only micro-entries are named back.", field="validation")
    if validation.state != PENDING:
        raise ValidationOver(f"It {validation.get_state_display().lower()} already.", field="validation")
    if len(amounts_minor) != 2 or not all(isinstance(amount, int) and 0 < amount < 100 for amount in amounts_minor):
        raise Invalid("Name two amounts below one dollar, in cents.", field="amounts_minor")
    validation.tries += 1
    validation.save(update_fields=["tries"])
    if sorted(amounts_minor) == sorted(_amounts(validation)):
        return _pass(validation, "The amounts were named.")
    if validation.tries >= MOST_TRIES:
        return _fail(validation, "The amounts were named wrong three times.")
    audit.record(
        action="account_validation.answer",
        object_id=validation.id,
        organization_id=validation.payment_method.organization_id,
        after={"tries": validation.tries},
    )
    return validation


@step
def prenote_returned(reference: str, code: str) -> AccountValidation | None:
    """The receiving bank returned a prenote or a micro-entry: the validation fails, and a late return undoes a pass.

    Takes:  the entry's reference, which names the validation, and the return code with its title.
    Gives:  the validation, or None when the reference is none of a validation.
    """
    rows = AccountValidation.objects.select_for_update(no_key=True, of=("self",)).select_related("payment_method")
    validation = rows.filter(pk=reference.partition(".")[0]).first()
    if validation is None:
        return None
    if validation.state == PENDING:
        return _fail(validation, f"Returned: {code}"[:200])
    method = PaymentMethod.objects.select_for_update(no_key=True).get(pk=validation.payment_method_id)
    later = AccountValidation.objects.filter(payment_method=method, id__gt=validation.id)
    if validation.state == AccountValidation.State.PASSED and method.state == PaymentMethod.State.ACTIVE:
        if not later.filter(state=AccountValidation.State.PASSED).exists():
            method.validate_again()
            method.save(update_fields=["state"])
        _tell("account_validation.failed", validation, reason=f"Returned late: {code}"[:200])
    return validation


def sweep(limit: int = 200) -> int:
    """Pass the prenotes nobody returned in time, and fail those no bank took. Gives how many it looked at."""
    due = list(ready().order_by("ready_at").values_list("id", flat=True)[:limit])
    return sweeps.each(due, _settle_one)


def ready() -> QuerySet[AccountValidation]:
    """Pending prenotes whose time is over, as far as we knew when it was set."""
    return AccountValidation.objects.filter(kind=PRENOTE, state=PENDING, ready_at__lte=clock.now())


@command
def settle(*, validation_id: str, actor: Actor) -> AccountValidation:
    """Decide a prenote whose time is over; one that went out late, or not yet, waits on.

    Raises: NotFound, Forbidden.
    """
    validation = _locked(actor, validation_id)
    entry = AchEntry.objects.filter(account=validation.account, reference=validation.id).first()
    if validation.kind != PRENOTE or validation.state != PENDING:
        commands.unchanged()
    elif entry is None or entry.state in _DEAD:
        _fail(validation, "No bank took the prenote." if entry is None or not entry.return_code else entry.return_code)
    elif entry.state in _OUT and _ready_at(entry) <= clock.now():
        _pass(validation, "Nobody returned the prenote.")
    else:
        tomorrow = dt.datetime.combine(clock.today() + dt.timedelta(days=1), dt.time(), dt.UTC)
        validation.ready_at = max(_ready_at(entry), tomorrow)
        validation.save(update_fields=["ready_at"])
        commands.unchanged()
    return validation


def _settle_one(validation_id: str) -> None:
    settle(validation_id=validation_id, actor=VALIDATOR)


def _locked(actor: Actor, validation_id: str) -> AccountValidation:
    rows = AccountValidation.objects.select_for_update(no_key=True, of=("self",)).select_related("payment_method")
    return access.get_operable(actor, rows, validation_id, permission=Permission.PAYMENTS_WRITE, field="validation")


def _sender(organization_id: str, account_id: str | None) -> GatewayAccount:
    rows = GatewayAccount.objects.filter(organization_id=organization_id, closed_at__isnull=True).order_by("id")
    for account in rows if account_id is None else rows.filter(pk=account_id):
        if account.gateway in registry.names() and registry.entry(account.gateway).takes_account_numbers:
            return account
    raise NoAchAccount("Connect an account that sends ACH files first.", field="account")


def _stage(validation: AccountValidation, method: PaymentMethod, account: GatewayAccount) -> list[AchEntry]:
    if validation.kind == PRENOTE:
        order = Order(validation.id, AchEntry.Purpose.PRENOTE, 0, takes=True)
        return [staging.stage_locked(account, method, order)]
    first = secrets.randbelow(49) + 1
    second = next(amount for amount in iter(lambda: secrets.randbelow(49) + 1, 0) if amount != first)
    validation.amounts_sealed = vault.seal(json.dumps([first, second]), row_id=validation.id)
    wanted = ((f"{validation.id}.1", first, False), (f"{validation.id}.2", second, False))
    return [
        staging.stage_locked(account, method, Order(reference, AchEntry.Purpose.MICRO, amount, takes=takes))
        for reference, amount, takes in (*wanted, (f"{validation.id}.3", first + second, True))
    ]


def _amounts(validation: AccountValidation) -> list[int]:
    return [int(amount) for amount in json.loads(vault.open_sealed(validation.amounts_sealed, row_id=validation.id))]


def _ready_at(entry: AchEntry) -> dt.datetime:
    """The opening of the third banking day after the prenote settles, as the Federal Reserve's day begins."""
    day = calendar.plus(entry.settles_on or entry.effective_on, WAIT_BANKING_DAYS)
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _pass(validation: AccountValidation, result: str) -> AccountValidation:
    validation.succeed()
    _decided(validation, result)
    method = PaymentMethod.objects.select_for_update(no_key=True).get(pk=validation.payment_method_id)
    methods.validated_locked(method)
    _tell("account_validation.passed", validation, reason=result)
    return validation


def _fail(validation: AccountValidation, result: str) -> AccountValidation:
    validation.fail()
    _decided(validation, result)
    _tell("account_validation.failed", validation, reason=result)
    return validation


def _decided(validation: AccountValidation, result: str) -> None:
    validation.result, validation.decided_at = result[:200], clock.now()
    validation.save(update_fields=["state", "result", "decided_at", "tries"])


def _tell(type: str, validation: AccountValidation, *, reason: str = "") -> None:
    method = validation.payment_method
    facts = {"payment_method": method.id, "kind": validation.kind, "state": validation.state}
    audit.record(
        action=type, object_id=validation.id, organization_id=method.organization_id, after=facts, reason=reason
    )
    events.record(
        type=type,
        organization_id=method.organization_id,
        object_id=validation.id,
        data={"validation": validation.id, **facts},
    )
