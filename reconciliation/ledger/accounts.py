"""The chart of accounts: every code, what it counts and whose money it is.

Trust (fiduciary) and operating accounts never share an entry side: each entry balances within each fund, so that a
processor's fee kept out of premium, for one, shows as money that operating owes to trust.
"""

from __future__ import annotations

from dataclasses import dataclass

from coverpay.kernel import commands
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Invalid
from reconciliation.ledger.models import Account, AccountType, Book, Fund


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One code of the chart."""

    type: AccountType
    fund: Fund
    title: str


_T, _O = Fund.TRUST, Fund.OPERATING
_ASSET, _LIABILITY, _INCOME, _EXPENSE = (
    AccountType.ASSET,
    AccountType.LIABILITY,
    AccountType.INCOME,
    AccountType.EXPENSE,
)

CHART: dict[str, ChartLine] = {
    "trust_cash": ChartLine(_ASSET, _T, "Premium trust cash, per bank account"),
    "processor_clearing": ChartLine(_ASSET, _T, "Collected by a processor, not yet paid out"),
    "premium_receivable": ChartLine(_ASSET, _T, "Invoiced and not yet covered by applied cash"),
    "due_from_operating": ChartLine(_ASSET, _T, "Premium that paid a cost of ours and must come back"),
    "unapplied_cash": ChartLine(_LIABILITY, _T, "Received and not yet applied to an item"),
    "suspense_cash": ChartLine(_LIABILITY, _T, "Received, and not yet known whose it is"),
    "billed_uncollected": ChartLine(_LIABILITY, _T, "The other side of invoices until cash is applied"),
    "premium_payable": ChartLine(_LIABILITY, _T, "Collected premium net of commission, per carrier"),
    "carrier_fee_payable": ChartLine(_LIABILITY, _T, "Collected fees that are the carrier's"),
    "tax_payable": ChartLine(_LIABILITY, _T, "Collected taxes and stamping fees, per state"),
    "commission_in_trust": ChartLine(_LIABILITY, _T, "Collected commission of ours, still in trust"),
    "unclaimed_property": ChartLine(_LIABILITY, _T, "Checks nobody cashed, owed to a state"),
    "fee_in_trust": ChartLine(_LIABILITY, _T, "Collected fees of ours, still in trust"),
    "interest_in_trust": ChartLine(_LIABILITY, _T, "Interest on fiduciary money, per bank account"),
    "operating_cash": ChartLine(_ASSET, _O, "Operating cash, per bank account"),
    "due_to_trust": ChartLine(_LIABILITY, _O, "What operating owes to trust"),
    "commission_income": ChartLine(_INCOME, _O, "Commission drawn out of trust"),
    "fee_income": ChartLine(_INCOME, _O, "Fees of ours drawn out of trust"),
    "interest_income": ChartLine(_INCOME, _O, "Interest drawn out of trust"),
    "processor_fees": ChartLine(_EXPENSE, _O, "What processors keep"),
    "bank_fees": ChartLine(_EXPENSE, _O, "What banks charge"),
}


class UnknownAccount(Invalid):
    """The chart of accounts has no such code."""

    code = "unknown_account"


def chart_line(code: str) -> ChartLine:
    """Read one line of the chart. Raises: UnknownAccount."""
    try:
        return CHART[code]
    except KeyError:
        raise UnknownAccount(f"{code!r} is not in the chart of accounts.", field="account") from None


@step
def open_book(organization_id: str) -> Book:
    """Open the organization's books, once."""
    return commands.once(
        ("book", organization_id), lambda: Book.objects.get_or_create(organization_id=organization_id)[0]
    )


@step
def open_accounts(book_id: str, wanted: set[tuple[str, str, str]]) -> None:
    """Open the accounts (code, currency, owner) that a book does not have yet."""
    Account.objects.bulk_create(
        (
            Account(
                book_id=book_id,
                code=code,
                type=chart_line(code).type,
                fund=chart_line(code).fund,
                currency=currency,
                owner=owner,
            )
            for code, currency, owner in sorted(wanted)
        ),
        ignore_conflicts=True,
    )


@step
def open_account(book_id: str, code: str, currency: str, owner: str = "") -> Account:
    """Open one account, or find it."""
    open_accounts(book_id, {(code, currency, owner)})
    return Account.objects.get(book_id=book_id, code=code, currency=currency, owner=owner)
