"""A bank for tests: an account of an organization, lines in its books, and statement files about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from compliance import audit
from compliance.models import Organization
from compliance.permissions import ROLE_PERMISSIONS
from coverpay.kernel import ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from reconciliation import bank_accounts
from reconciliation.ledger import posting
from reconciliation.ledger.models import Line
from reconciliation.models import BankAccount
from tests.support import bai2_writer as writer
from tests.support import world

BANK_ID, MARK = "021000089", "4470001"
FIRST = dt.date(2026, 1, 4)


def acting(of: Organization, role: str = "finance") -> Actor:
    """Somebody with a role, without the cost of an account that signs in."""
    permissions = frozenset(permission.value for permission in ROLE_PERMISSIONS[role])
    return Actor("user", ids.new("usr"), of.id, permissions, role)


def account(of: Organization, mark: str = MARK, currency: str = "USD") -> BankAccount:
    """Open a trust account at the bank."""
    return bank_accounts.open_bank_account(
        name=f"Trust {mark}", bank_id=BANK_ID, account_mark=mark, currency=currency, fund="trust", actor=acting(of)
    )


def received(account: BankAccount, amount_minor: int, reference: str = "", on: dt.date = FIRST) -> Line:
    """Post money into the account's cash (negative: out of it), against unapplied cash. Gives: the cash line."""
    entry_id = _post(
        account=account, amount=Money(amount_minor, account.currency), reference=reference, on=on, actor=world.TESTER
    )
    return Line.objects.get(entry_id=entry_id, account_id=account.ledger_account_id)


@command
def _post(*, account: BankAccount, amount: Money, reference: str, on: dt.date, actor: Actor) -> str:
    sides = (
        posting.debit("trust_cash", amount, owner=account.id, reference=reference),
        posting.credit("unapplied_cash", amount),
    )
    entry_id = posting.post(posting.Posting(account.ledger_account.book_id, on, ids.new("src"), "test", sides))
    audit.record(action="test.post", object_id=entry_id, organization_id=account.organization_id)
    return entry_id


def line(amount_minor: int, reference: str = "", text: str = "") -> writer.Detail:
    """A movement on a statement, positive in."""
    code = "165" if amount_minor >= 0 else "495"
    return writer.Detail(code, abs(amount_minor), ("0",), "", reference, text)


def statement(
    *lines: writer.Detail, on: dt.date = FIRST, opening: int = 0, mark: str = MARK, currency: str = "USD"
) -> bytes:
    """Write the BAI2 file of one account's day."""
    return writer.write([writer.Group(on, (writer.Account(mark, opening, tuple(lines), currency),), BANK_ID)])


def days(*amounts: Sequence[writer.Detail], opening: int = 0) -> bytes:
    """Write one file of several days that follow each other."""
    groups = []
    for number, lines in enumerate(amounts):
        stated = writer.Account(MARK, opening, tuple(lines))
        groups.append(writer.Group(FIRST + dt.timedelta(days=number), (stated,), BANK_ID))
        opening = stated.closing
    return writer.write(groups)
