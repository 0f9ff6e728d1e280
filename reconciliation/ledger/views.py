"""Pages of the books: accounts by fund, the trial balance at a day, one account, one entry. All of them only read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.views.generic import TemplateView

from compliance import explanations
from compliance.http import StaffPage
from compliance.pages import DateField, FilterForm, page_of
from compliance.permissions import Permission
from reconciliation.ledger import balances, queries
from reconciliation.ledger.models import Book
from reconciliation.ledger.queries import NameOwners


class AtFilter(FilterForm):
    """A day to look at; empty for everything posted."""

    at = DateField(label="At the end of", required=False)
    book = forms.ChoiceField(label="Books of", required=False)

    def __init__(self, *args: Any, books: Sequence[Book], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["book"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(book.id, book.organization.name) for book in books]
        if len(books) < 2:
            field.widget = forms.HiddenInput()


class LedgerPage(StaffPage, TemplateView):
    """A page of the books. `name_owners` is set where the page gets its address."""

    reads = Permission.LEDGER_READ
    name_owners: NameOwners = staticmethod(queries.no_names)


class BookPage(LedgerPage):
    """A page of one book at the end of a day."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        books = queries.books(self.actor)
        filters = AtFilter(self.request.GET, books=books)
        filters.is_valid()
        at: dt.date | None = filters.value("at")
        book = queries.chosen(books, self.request.GET.get("book", ""))
        funds = queries.funds(book, at, self.name_owners)
        accounts = [account for fund in funds for account in fund.accounts]
        return super().get_context_data(
            filters=filters, at=at, book=book, funds=funds, totals=queries.totals(accounts), **kwargs
        )


class Accounts(BookPage):
    """The chart with balances, trust and operating money apart."""

    template_name = "ledger/accounts.html"


class TrialBalance(BookPage):
    """Every account's side at the end of a day; both sides must be equal."""

    template_name = "ledger/trial_balance.html"


class AccountDetail(LedgerPage):
    """One account and its lines, newest first."""

    template_name = "ledger/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = queries.account(self.actor, self.kwargs["account_id"])
        names = queries.owner_names(account.book, [account.owner], self.name_owners)
        balance = balances.balance(account.book_id, account.id)
        natural = -balance if account.type in queries.CREDIT_NORMAL else balance
        return super().get_context_data(
            account=account,
            title=queries.title_of(account.code),
            owner=names.get(account.owner, account.owner),
            natural_minor=natural,
            grows_by="credit" if account.type in queries.CREDIT_NORMAL else "debit",
            page=page_of(queries.lines_of(account), self.request.GET.get("after", "")),
            **kwargs,
        )


class EntryDetail(LedgerPage):
    """One posting: its sides, what caused it, what it reverses, and why its figures are what they are."""

    template_name = "ledger/entry.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        entry = queries.entry(self.actor, self.kwargs["entry_id"])
        lines = list(entry.lines.all())
        return super().get_context_data(
            entry=entry,
            lines=lines,
            owners=queries.owner_names(entry.book, {line.account.owner for line in lines}, self.name_owners),
            reversed_by=getattr(entry, "reversed_by", None),
            reasons=explanations.of(entry.source_id),
            **kwargs,
        )
