"""CoverPay's side of the ledger benchmark. Imported once Django is set up."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders import AMOUNT, CODES, DAY, OWNERS, SIGNS
from compliance.models import Organization
from coverpay.kernel import commands, ids
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from reconciliation.ledger import accounts, posting
from reconciliation.ledger.models import Book
from reconciliation.ledger.posting import Posting, Side

BENCH = system("bench")


@command
def open_books(*, actor: Actor) -> None:
    """A book with its accounts for every owner."""
    commands.unchanged()
    organization = Organization.objects.create(kind="mga", name="Benchmark", code="benchmark")
    book = accounts.open_book(organization.id)
    accounts.open_accounts(book.id, {(code, "USD", str(owner)) for code in CODES for owner in range(OWNERS)})


@command
def post(*, one: Posting, actor: Actor) -> None:
    commands.unchanged()
    posting.post(one)


@command
def post_many(*, many: Sequence[Posting], actor: Actor) -> None:
    commands.unchanged()
    posting.post_many(many)


class CoverPay:
    """Post through the ledger's own functions."""

    def __init__(self) -> None:
        self.book_id = Book.objects.get(organization__code="benchmark").id

    def make(self, owner: int) -> Posting:
        sides = tuple(Side(code, Money(sign * AMOUNT), str(owner)) for code, sign in zip(CODES, SIGNS, strict=True))
        return Posting(self.book_id, DAY, ids.new("src"), "bench", sides, subject_id="pol_bench", memo="benchmark")

    def single(self, one: Posting) -> None:
        post(one=one, actor=BENCH)

    def batch(self, many: Sequence[Posting]) -> None:
        post_many(many=many, actor=BENCH)
