"""What resolving a break would post: which ways fit it, the legs of each posting, and why; reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from coverpay.kernel.figures import Explained
from payments import deposit_returns, journal
from payments.models import BreakResolution, DepositItem, Payout
from reconciliation import trust
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.models import Fund, Line
from reconciliation.models import BankAccount, Break, StatementLine

Way = BreakResolution.Way
Kind = Break.Kind
TIES_BY = (Kind.BANK_ONLY, Kind.AMOUNT_DIFFERS, Kind.FEE_TAKEN)
"""What a posting can make tie: the bank has something the books lack."""
FEE_RULE = "a bank's or processor's fee is borne by operating, never by fiduciary money"
INTEREST_RULE = "interest on fiduciary money is kept apart until a rule or a person says whose it is"
OWN_INTEREST_RULE = "interest on our own money is income"
SUSPENSE_RULE = "money of nobody we know is fiduciary until a person places it"
RETURN_RULE = "a deposited item that the bank takes back undoes what it paid, to the cent"


class NotThisWay(Invalid):
    """The break cannot be resolved like this; the message says which ways fit."""

    code = "not_this_way"


@dataclass(frozen=True, slots=True)
class Wish:
    """How a break is to be resolved.

    A returned item names the `deposit_item_id`, and in `why` the bank's reason; an unidentified deposit may say who
    paid (`payor`), what for (`policy_reference`), and a `memo`.
    """

    way: str
    deposit_item_id: str = ""
    why: str = ""
    payor: str = ""
    policy_reference: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A break with its account and the lines of both sides that are to match once the difference is posted."""

    about: Break
    account: BankAccount
    bank_lines: Sequence[StatementLine]
    book_lines: Sequence[Line]
    processor_account_id: str

    @property
    def bank_minor(self) -> int:
        return sum(line.amount_minor for line in self.bank_lines)

    @property
    def books_minor(self) -> int:
        return sum(line.amount_minor for line in self.book_lines)

    @property
    def difference_minor(self) -> int:
        """What the bank has more than the books: the posting brings it to the account's cash."""
        return self.bank_minor - self.books_minor

    @property
    def in_trust(self) -> bool:
        return bool(self.account.ledger_account.fund == Fund.TRUST)

    @property
    def reference(self) -> str:
        """What names the posting: the bank's line."""
        return self.bank_lines[0].id

    @property
    def text(self) -> str:
        return self.bank_lines[0].text

    @property
    def on(self) -> dt.date:
        return max(line.posted_on for line in self.bank_lines)


@dataclass(frozen=True, slots=True)
class Leg:
    """One line of a posting, signed, debit positive."""

    code: str
    title: str
    owner: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be posted and matched, and how the figure comes about."""

    way: str
    title: str
    currency: str
    amount_minor: int
    posted_on: dt.date
    bank_minor: int
    books_minor: int
    legs: tuple[Leg, ...]
    why: Explained


def find(about: Break, account: BankAccount | None) -> Found:
    """Read the lines of an open break. Raises: NotThisWay for one that no posting settles, or that has no bank side."""
    if account is None or about.kind not in TIES_BY:
        raise NotThisWay(
            "Nothing is missing in the books that a posting could bring; settle it where it came from, or close it.",
            field="break",
        )
    said = about.inputs
    if said.get("candidate_count", 0) > len(said.get("candidates", ())):
        raise NotThisWay("It is about more lines than it names; match them by hand.", field="break")
    claimants = said.get("claimants") or [about.subject_id]
    bank_lines = StatementLine.objects.filter(pk__in=claimants, statement__bank_account=account).order_by("id")
    candidates = said.get("candidates", ()) if about.kind != Kind.BANK_ONLY else ()
    book_lines = Line.objects.filter(pk__in=[int(each) for each in candidates], account_id=account.ledger_account_id)
    found = Found(about, account, list(bank_lines), list(book_lines.order_by("id")), "")
    if not found.bank_lines or found.difference_minor != about.difference_minor:
        raise NotThisWay("Its lines changed since; run the matching again.", field="break")
    return Found(about, account, found.bank_lines, found.book_lines, _processor_of(found))


def ways_of(found: Found) -> list[Way]:
    """The ways that fit: by the sign of what is missing, and by whose account it is."""
    alone = found.about.kind == Kind.BANK_ONLY
    if found.difference_minor > 0:
        fitting = [(Way.INTEREST, alone), (Way.SUSPENSE, found.in_trust)]
    else:
        returned = alone and found.in_trust
        fitting = [(Way.BANK_FEE, True), (Way.MERCHANT_FEE, bool(found.processor_account_id)),
                   (Way.RETURNED_ITEM, returned)]  # fmt: skip
    return [way for way, fits in fitting if fits]


def returnable(found: Found) -> list[DepositItem]:
    """Items of deposits to this account whose whole check comes to what the bank took back, newest first."""
    rows = DepositItem.objects.filter(
        deposit__bank_account=found.account,
        deposit__received_on__lte=found.on,
        state__in=[DepositItem.State.PLACED, DepositItem.State.SUSPENSE],
        amount_minor__lte=-found.difference_minor,
    ).select_related("deposit")
    checks: dict[tuple[str, str, str], list[DepositItem]] = {}
    for item in rows.order_by("-id")[:500]:
        key = (item.deposit_id, item.check_number or item.id, item.payor_name)
        checks.setdefault(key, []).append(item)
    return [
        items[-1] for items in checks.values() if sum(each.amount_minor for each in items) == -found.difference_minor
    ]


def preview_of(found: Found, wish: Wish) -> Preview:
    """What resolving a found break would post. Raises: NotThisWay."""
    fitting = ways_of(found)
    if wish.way not in fitting:
        ways = ", ".join(Way(way).label.lower() for way in fitting)
        raise NotThisWay(f"What fits it: {ways or 'nothing'}.", field="way")
    way = Way(wish.way)
    check = _returned(found, wish) if way == Way.RETURNED_ITEM else []
    legs, formula, rule, citation = _told(found, way, check)
    inputs: dict[str, str | int] = {
        "bank_minor": found.bank_minor,
        "books_minor": found.books_minor,
        "difference_minor": found.difference_minor,
    }
    return Preview(
        way=way,
        title=way.label,
        currency=found.account.currency,
        amount_minor=found.difference_minor,
        posted_on=clock.today() if way == Way.RETURNED_ITEM else _day(found),
        bank_minor=found.bank_minor,
        books_minor=found.books_minor,
        legs=tuple(Leg(code, CHART[code].title, owner, minor) for code, owner, minor in legs),
        why=Explained(formula=formula, inputs=inputs, rule=rule, citation=citation),
    )


Told = tuple[list[tuple[str, str, int]], str, str, str]


def _told(found: Found, way: Way, check: Sequence[DepositItem]) -> Told:
    """The legs of a way, and its formula, rule and source."""
    minor = found.difference_minor
    cash = (found.account.ledger_account.code, found.account.id, minor)
    if way in (Way.BANK_FEE, Way.MERCHANT_FEE):
        expense = ("bank_fees", "", -minor)
        if way == Way.MERCHANT_FEE:
            expense = ("processor_fees", found.processor_account_id, -minor)
        formula = "fee = books − bank"
        if not found.in_trust:
            return [expense, cash], formula, FEE_RULE, ""
        between = [("due_to_trust", "", minor), ("due_from_operating", "", -minor)]
        return [expense, *between, cash], formula, FEE_RULE, trust.CITATION
    if way == Way.INTEREST and found.in_trust:
        owed = ("interest_in_trust", found.account.id, -minor)
        return [cash, owed], "interest = what the bank credited", INTEREST_RULE, trust.CITATION
    if way == Way.INTEREST:
        return [cash, ("interest_income", "", -minor)], "interest = what the bank credited", OWN_INTEREST_RULE, ""
    other = ("suspense_cash", "", -minor)
    if way == Way.SUSPENSE:
        return [cash, other], "deposit = bank − books", SUSPENSE_RULE, trust.CITATION
    return [*_brought(check), cash], "returned = what the check brought", RETURN_RULE, ""


def _brought(check: Sequence[DepositItem]) -> list[tuple[str, str, int]]:
    """Where the money of a check stands: announced payments at their account, the rest in suspense."""
    legs: dict[tuple[str, str], int] = {}
    for item in check:
        key = ("suspense_cash", "") if item.attempt is None else ("processor_clearing", item.attempt.account_id)
        legs[key] = legs.get(key, 0) + item.amount_minor
    return [(code, owner, minor) for (code, owner), minor in legs.items()]


def _returned(found: Found, wish: Wish) -> list[DepositItem]:
    """The whole check that came back. Raises: NotThisWay."""
    item = DepositItem.objects.filter(pk=wish.deposit_item_id, deposit__bank_account=found.account).first()
    if item is None:
        raise NotThisWay("Choose the item of a deposit to this account that came back.", field="deposit_item")
    check = deposit_returns.whole_check(item)
    total = sum(each.amount_minor for each in check)
    if total != -found.difference_minor:
        raise NotThisWay("The check came to another amount than the bank took back.", field="deposit_item")
    return check


def _processor_of(found: Found) -> str:
    """The processor account whose payouts are the book lines; empty where they are of several, or of none."""
    payouts = Payout.objects.filter(pk__in=[line.entry.source_id for line in found.book_lines])
    known = list(payouts.values_list("account_id", flat=True))
    return known[0] if len(known) == len(found.book_lines) and len(set(known)) == 1 else ""


def _day(found: Found) -> dt.date:
    """The day of the bank's line, or the first open one after it."""
    return journal.open_day(found.account.ledger_account.book_id, found.on)
