"""Bank accounts, each mirrored by one cash account of the ledger."""

from __future__ import annotations

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import exponent
from reconciliation.ledger import accounts
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount

CASH_ACCOUNT = {Fund.TRUST: "trust_cash", Fund.OPERATING: "operating_cash"}


@command
def open_bank_account(
    *, name: str, bank_id: str, account_mark: str, currency: str, fund: str, actor: Actor
) -> BankAccount:
    """Add a bank account with its own cash account in the trust or the operating fund.

    Raises: Forbidden, Invalid (fund, currency, empty marks), Conflict when it is there already.
    """
    access.require(actor, Permission.RECONCILIATION_WRITE)
    organization_id = access.organization_of(actor)
    exponent(currency)
    if fund not in CASH_ACCOUNT:
        raise Invalid("The fund is trust or operating.", field="fund")
    name = texts.line(name, field="name", at_most=120)
    bank_id = texts.line(bank_id, field="bank_id", at_most=40)
    account_mark = texts.line(account_mark, field="account_mark", at_most=40)
    marks = {"organization_id": organization_id, "bank_id": bank_id, "account_mark": account_mark}
    if BankAccount.objects.filter(**marks).exists():
        raise Conflict("This bank account is here already.", field="account_mark")
    account_id = ids.new("bnk")
    book = accounts.open_book(organization_id)
    mirror = accounts.open_account(book.id, CASH_ACCOUNT[Fund(fund)], currency, account_id)
    bank_account = BankAccount.objects.create(
        id=account_id, name=name, currency=currency, ledger_account=mirror, **marks
    )
    audit.record(
        action="bank_account.open",
        object_id=account_id,
        organization_id=organization_id,
        after={"name": name, "bank_id": bank_id, "account_mark": account_mark, "fund": fund, "currency": currency},
    )
    return bank_account
