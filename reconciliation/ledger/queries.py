"""Reads of the books for pages: balances by fund, an account's lines, an entry with its sides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from compliance import access
from compliance.models import Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import NotFound
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.balances import AccountBalance, trial_balance
from reconciliation.ledger.models import Account, AccountType, Book, Entry, Fund, Line

NameOwners = Callable[[Collection[str]], dict[str, str]]
"""Names owners that only an upper app knows, such as processor accounts: id -> name."""

CREDIT_NORMAL = (AccountType.LIABILITY, AccountType.INCOME)


@dataclass(frozen=True, slots=True)
class BalanceShown:
    """One account's balance: what it counts, for whom, and the amount on the side where it grows."""

    account_id: int
    code: str
    title: str
    owner: str
    type: str
    currency: str
    balance_minor: int

    @property
    def natural_minor(self) -> int:
        """Positive on the side where this type of account grows: assets by debit, liabilities by credit."""
        return -self.balance_minor if self.type in CREDIT_NORMAL else self.balance_minor

    @property
    def debit_minor(self) -> int | None:
        return self.balance_minor if self.balance_minor > 0 else None

    @property
    def credit_minor(self) -> int | None:
        return -self.balance_minor if self.balance_minor < 0 else None


@dataclass(frozen=True, slots=True)
class Totals:
    """The two sides of some accounts in one currency; equal when the books tie."""

    currency: str
    debit_minor: int
    credit_minor: int

    @property
    def ties(self) -> bool:
        return self.debit_minor == self.credit_minor


@dataclass(frozen=True, slots=True)
class FundShown:
    """The accounts of one fund with their totals per currency."""

    code: str
    title: str
    accounts: Sequence[BalanceShown]
    totals: Sequence[Totals]


def books(actor: Actor) -> list[Book]:
    """The books the actor may see: one for a member, all for the installation's superuser."""
    rows = access.visible(actor, Book.objects.select_related("organization"))
    return list(rows.order_by("organization__name"))


def chosen(books: Sequence[Book], book_id: str = "") -> Book:
    """The book asked for, or the first. Raises: NotFound for a book that is not among them, or when there is none."""
    found = next((book for book in books if book_id in ("", book.id)), None)
    if found is not None:
        return found
    raise NotFound("No such books." if book_id else "There are no books yet; they open with the first invoice.")


def funds(book: Book, at: dt.date | None, name_owners: NameOwners) -> list[FundShown]:
    """Every account of a visible book at the end of a day, trust and operating apart."""
    balances = trial_balance(book.id, at)
    names = owner_names(book, {balance.owner for balance in balances}, name_owners)
    shown = []
    for fund in (Fund.TRUST, Fund.OPERATING):
        accounts = [_shown(balance, names) for balance in balances if balance.fund == fund]
        accounts.sort(key=lambda account: AccountType.values.index(account.type))
        if accounts:
            shown.append(FundShown(fund.value, str(fund.label), accounts, totals(accounts)))
    return shown


def totals(accounts: Sequence[BalanceShown]) -> list[Totals]:
    """The two sides of these accounts, per currency."""
    currencies = sorted({account.currency for account in accounts})
    return [
        Totals(
            currency,
            sum(a.debit_minor or 0 for a in accounts if a.currency == currency),
            sum(a.credit_minor or 0 for a in accounts if a.currency == currency),
        )
        for currency in currencies
    ]


def _shown(balance: AccountBalance, names: dict[str, str]) -> BalanceShown:
    return BalanceShown(
        account_id=balance.account_id,
        code=balance.code,
        title=title_of(balance.code),
        owner=names.get(balance.owner, balance.owner),
        type=balance.type,
        currency=balance.currency,
        balance_minor=balance.balance_minor,
    )


def title_of(code: str) -> str:
    """What the chart says an account counts; the code itself for one that left the chart."""
    return CHART[code].title if code in CHART else code


def no_names(owners: Collection[str]) -> dict[str, str]:
    """Name nobody; the edge gives a function that knows more."""
    return {}


def owner_names(book: Book, owners: Collection[str], name_owners: NameOwners = no_names) -> dict[str, str]:
    """Name the owners of a book's accounts: organizations, its bank accounts, and whom `name_owners` knows."""
    names = dict(Organization.objects.filter(pk__in=owners).values_list("id", "name"))
    banks = Account.objects.filter(book=book, owner__in=owners, bank_account__isnull=False)
    return {**names, **dict(banks.values_list("owner", "bank_account__name")), **name_owners(owners)}


def account(actor: Actor, account_id: int) -> Account:
    """One visible account. Raises: NotFound."""
    return access.get(actor, Account.objects.select_related("book__organization"), str(account_id))


def lines_of(account: Account) -> QuerySet[Line]:
    """The lines of a visible account with their entries."""
    return Line.objects.filter(account=account).select_related("entry")


def entry(actor: Actor, entry_id: str) -> Entry:
    """One visible entry with its lines and accounts. Raises: NotFound."""
    rows = Entry.objects.select_related("book__organization", "reverses", "reversed_by").prefetch_related(
        Prefetch("lines", Line.objects.select_related("account").order_by("id"))
    )
    return access.get(actor, rows, entry_id)
