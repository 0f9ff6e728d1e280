"""A made world of bank lines and book lines whose truth is known: what belongs together, and what nobody can know.

The shares are those of a premium trust account: nearly all lines carry their reference; the rest are payouts netted of
refunds and fees, deposits of many checks, wires without a reference, mistyped references, payments in parts, lines
that only one side knows, and pairs that cannot be told apart.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from reconciliation.matching import BankLine, BookLine, FeeTerm, MatchResult, MatchRules

FIRST = dt.date(2026, 1, 5)
WINDOW = 3
CARD_FEE = FeeTerm("card processing", text_contains="cardhouse", ppm=29_000, fixed_minor=30, per="line")
RULES = MatchRules(version="world", date_window_days=WINDOW, fee_terms=(CARD_FEE,))

# What matching must make of a truth.
MATCHED, AMBIGUOUS, FEE_TAKEN, AMOUNT_DIFFERS, ONE_SIDED = (
    "matched",
    "ambiguous",
    "fee_taken",
    "amount_differs",
    "alone",
)

_GIVEN = [
    "ANN",
    "BEN",
    "CARA",
    "DAN",
    "EVA",
    "FINN",
    "GRACE",
    "HUGO",
    "IVY",
    "JOHN",
    "KAY",
    "LEO",
    "MIA",
    "NOAH",
    "OLGA",
    "PAUL",
    "QUINN",
    "ROSA",
    "SAM",
    "TESS",
    "UMA",
    "VIC",
]
_FAMILY = [
    "ABBOTT",
    "BAKER",
    "CASTILLO",
    "DAWSON",
    "ELLIS",
    "FERRARI",
    "GARZA",
    "HOLLOWAY",
    "IBARRA",
    "JANSEN",
    "KOWALSKI",
    "LINDGREN",
    "MORENO",
    "NAKAMURA",
    "OKAFOR",
    "PETERSEN",
    "QUIGLEY",
    "RAMIREZ",
    "SORENSEN",
    "THOMPSON",
    "UNDERHILL",
    "VASQUEZ",
    "WHITAKER",
    "YOUNGBLOOD",
    "ZIMMERMAN",
]


@dataclass(frozen=True, slots=True)
class Truth:
    """Lines that are the same money, or that nobody can tell apart; `answer` is what matching must make of them."""

    kind: str
    banks: frozenset[str]
    books: frozenset[str]
    answer: str = MATCHED


@dataclass(slots=True)
class World:
    """Both sides in no order, and the truth about them."""

    banks: list[BankLine] = field(default_factory=list)
    books: list[BookLine] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Score:
    """How a result compares with the truth."""

    precision: float
    recall: float
    wrong: tuple[tuple[frozenset[str], frozenset[str], str], ...]
    missed: tuple[Truth, ...]
    found_of: dict[str, tuple[int, int]]


def make(bank_lines: int, seed: int = 1) -> World:
    """Make a world of about so many bank lines over several accounts and two currencies."""
    return _Maker(bank_lines, random.Random(seed)).run()


def squeezed(world: World, days: int) -> World:
    """The same world with all its days folded into few: far more lines stand near each other."""

    def folded(day: dt.date) -> dt.date:
        return FIRST + (day - FIRST) % dt.timedelta(days=days)

    return World(
        [replace(line, posted_on=folded(line.posted_on)) for line in world.banks],
        [replace(line, posted_on=folded(line.posted_on)) for line in world.books],
        world.truths,
    )


def score(world: World, result: MatchResult) -> Score:
    """Hold the matches against the truth: a match is right when it is exactly one true group."""
    true = {(truth.banks, truth.books): truth for truth in world.truths if truth.answer == MATCHED}
    made = {(frozenset(one.bank_line_ids), frozenset(one.book_line_ids)): one.stage for one in result.matches}
    wrong = tuple((*group, stage) for group, stage in made.items() if group not in true)
    missed = tuple(truth for group, truth in true.items() if group not in made)
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for group, truth in true.items():
        found[truth.kind][0] += group in made
        found[truth.kind][1] += 1
    hits = len(made) - len(wrong)
    of_kind = {kind: (hit, every) for kind, (hit, every) in sorted(found.items())}
    return Score(hits / max(len(made), 1), hits / max(len(true), 1), wrong, missed, of_kind)


class _Maker:
    """Makes one scenario after the other; each knows the truth of what it makes."""

    def __init__(self, size: int, chance: random.Random) -> None:
        self._size = size
        self._chance = chance
        self._world = World()
        count = max(3, size // 15_000)
        self._accounts = [(f"bnk_{n:03}", "CAD" if n % 3 == 2 else "USD") for n in range(count)]
        self._days = max(10, min(365, size // (count * 40)))
        self._number = 0
        self._made: set[tuple[str, int]] = set()

    def run(self) -> World:
        scenarios: list[tuple[int, Callable[[], None]]] = [
            (8_880, self._exact),
            (250, self._refund_out),
            (150, self._no_reference),
            (120, self._typo),
            (150, self._payout),
            (60, self._payout_less_fee),
            (60, self._deposit),
            (40, self._day_of_checks),
            (30, self._two_wires),
            (20, self._both_in_parts),
            (50, self._twins_with_references),
            (30, self._twins_without),
            (15, self._bank_doubled),
            (20, self._two_sums),
            (30, self._other_amount),
            (50, self._foreign),
            (60, self._missing),
        ]
        weights, makes = [weight for weight, _ in scenarios], [make for _, make in scenarios]
        for make in self._chance.choices(makes, weights, k=self._size):
            make()
        self._chance.shuffle(self._world.banks)
        self._chance.shuffle(self._world.books)
        return self._world

    # The scenarios.

    def _exact(self) -> None:
        account, day, amount, reference = self._account(), self._day(), self._price(), self._reference("PAY")
        bank = self._bank(account, amount, day, lag=5, reference=reference, payer=self._name())
        self._truth("exact", [bank], [self._book(account, amount, day, reference, party=bank.payer)])

    def _refund_out(self) -> None:
        account, day, amount, reference = self._account(), self._day(), -self._price(), self._reference("REF")
        bank = self._bank(account, amount, day, lag=3, reference=reference)
        self._truth("refund", [bank], [self._book(account, amount, day, reference)])

    def _no_reference(self) -> None:
        account, day, amount, name = self._account(), self._day(), self._amount(), self._name()
        payer = self._spelled(name) if self._chance.random() < 0.7 else ""
        bank = self._bank(account, amount, day, lag=2, payer=payer, text="WIRE IN")
        self._truth("no reference", [bank], [self._book(account, amount, day, self._reference("PAY"), party=name)])

    def _typo(self) -> None:
        account, day, amount, name = self._account(), self._day(), self._amount(), self._name()
        reference = self._reference("PAY")
        bank = self._bank(account, amount, day, lag=2, reference=self._mistyped(reference), payer=self._spelled(name))
        self._truth("typo", [bank], [self._book(account, amount, day, reference, party=name)])

    def _payout(self) -> None:
        """Charges, refunds, a chargeback and the processor's fee, all booked under the payout's reference."""
        account, day, reference = self._account(), self._day(), self._reference("PO")
        parts = [self._price() for _ in range(self._chance.randint(3, 12))]
        parts += [-self._chance.choice(parts) // 2 for _ in range(self._chance.randint(0, 2))]
        parts.append(-sum(abs(part) for part in parts) // 40 - 30)
        bank = self._bank(account, sum(parts), day, lag=2, reference=reference, payer="CARDHOUSE PAYMENTS")
        self._truth("payout", [bank], [self._book(account, part, day, reference) for part in parts])

    def _payout_less_fee(self) -> None:
        """The processor keeps its fee back and nobody booked it: a break that the rules explain."""
        account, day, reference = self._account(), self._day(), self._reference("PO")
        parts = [self._price() for _ in range(self._chance.randint(1, 8))]
        fee = sum(self._half_even(part * 29_000, 1_000_000) + 30 for part in parts)
        bank = self._bank(account, sum(parts) - fee, day, lag=2, reference=reference, payer="CARDHOUSE PAYMENTS")
        books = [self._book(account, part, day, reference) for part in parts]
        self._truth("payout less fee", [bank], books, FEE_TAKEN)

    def _deposit(self) -> None:
        """Checks of one slip that the books know together, but the bank shows without a number."""
        account, day, slip = self._account(), self._day(), self._next("dep_")
        parts = [self._amount() for _ in range(self._chance.randint(3, 30))]
        bank = self._bank(account, sum(parts), day, lag=1, text="BRANCH DEPOSIT")
        books = [self._book(account, part, day, self._check(), slip, self._name()) for part in parts]
        self._truth("deposit", [bank], books)

    def _day_of_checks(self) -> None:
        """A reversed check and a few that came in with it, known only by their series."""
        account, day = self._account(), self._day()
        parts = [self._amount() for _ in range(self._chance.randint(2, 6))]
        series = "".join(self._chance.choices("BCDFGHJKLMNPQRSTVWXZ", k=4))
        bank = self._bank(account, sum(parts), day, lag=1, text="LOCKBOX")
        books = [self._book(account, part, day, f"{series}-{n:04}", party=self._name()) for n, part in enumerate(parts)]
        self._truth("lockbox day", [bank], books)

    def _two_wires(self) -> None:
        """One booking that its payer wired in two or three parts."""
        account, day, name = self._account(), self._day(), self._company()
        parts = [self._amount() for _ in range(self._chance.randint(2, 3))]
        banks = [self._bank(account, part, day, lag=2, payer=name, text="WIRE IN") for part in parts]
        self._truth("wires in parts", banks, [self._book(account, sum(parts), day, self._reference("INV"), party=name)])

    def _both_in_parts(self) -> None:
        """Two payments of a company that the bank shows cut differently than the books."""
        account, day, name = self._account(), self._day(), self._company()
        first, second = self._amount(), self._amount()
        moved = self._chance.randint(1, first - 1)
        banks = [self._bank(account, part, day, lag=1, payer=name) for part in (first - moved, second + moved)]
        books = [self._book(account, part, day, self._reference("INV"), party=name) for part in (first, second)]
        self._truth("both in parts", banks, books)

    def _twins_with_references(self) -> None:
        """Two genuine payments of one amount, payer and day: their references tell them apart."""
        account, day, amount, name = self._account(), self._day(), self._price(), self._name()
        for reference in (self._reference("PAY"), self._reference("PAY")):
            bank = self._bank(account, amount, day, lag=1, reference=reference, payer=name)
            self._truth("twin", [bank], [self._book(account, amount, day, reference, party=name)])

    def _twins_without(self) -> None:
        """Two payments of one amount that nothing tells apart."""
        account, day, amount = self._account(), self._day(), self._amount()
        banks = [self._bank(account, amount, day, lag=1, text="DEPOSIT") for _ in range(2)]
        books = [self._book(account, amount, day, self._reference("PAY"), party=self._name()) for _ in range(2)]
        self._truth("twins", banks, books, AMBIGUOUS)

    def _bank_doubled(self) -> None:
        """The bank shows one payment twice: which of the two is genuine is not ours to say."""
        account, day, amount, reference = self._account(), self._day(), self._price(), self._reference("PAY")
        banks = [self._bank(account, amount, day, lag=1, reference=reference) for _ in range(2)]
        self._truth("bank doubled", banks, [self._book(account, amount, day, reference)], AMBIGUOUS)

    def _two_sums(self) -> None:
        """A deposit that two different pairs of one party's checks come to."""
        account, day, name = self._account(), self._day(), self._company()
        total = self._amount() + self._amount()
        first, second = self._chance.sample(range(total // 5, total // 2), 2)
        parts = [first, total - first, second, total - second]
        bank = self._bank(account, total, day, lag=1, payer=name)
        books = [self._book(account, part, day, self._check(), party=name) for part in parts]
        self._truth("two sums", [bank], books, AMBIGUOUS)

    def _other_amount(self) -> None:
        account, day, amount, reference = self._account(), self._day(), self._price(), self._reference("PAY")
        bank = self._bank(account, amount + self._chance.choice((-900, -1, 1, 2_500)), day, lag=2, reference=reference)
        self._truth("other amount", [bank], [self._book(account, amount, day, reference)], AMOUNT_DIFFERS)

    def _foreign(self) -> None:
        """What only the bank knows: interest, its fees, another firm's money."""
        amount = self._chance.choice((-1, 1)) * self._amount()
        text = self._chance.choice(("INTEREST", "SERVICE CHARGE", "TRANSFER"))
        bank = self._bank(self._account(), amount, self._day(), text=text)
        self._truth("foreign", [bank], [], ONE_SIDED)

    def _missing(self) -> None:
        """What only the books know: a payment that never came."""
        book = self._book(self._account(), self._amount(), self._day(), self._reference("PAY"), party=self._name())
        self._truth("missing", [], [book], ONE_SIDED)

    # What they are made of.

    def _bank(
        self,
        account: tuple[str, str],
        amount: int,
        day: dt.date,
        *,
        lag: int = 0,
        reference: str = "",
        payer: str = "",
        text: str = "",
    ) -> BankLine:
        when = day + dt.timedelta(days=self._chance.randint(0, lag))
        own = f"{self._chance.randrange(10**9):09}"
        references = (own, reference) if reference else (own,)
        line = BankLine(self._next("b"), account[0], amount, account[1], when, references, text, payer)
        self._world.banks.append(line)
        return line

    def _book(
        self, account: tuple[str, str], amount: int, day: dt.date, reference: str, subject: str = "", party: str = ""
    ) -> BookLine:
        line = BookLine(self._next("k"), account[0], amount, account[1], day, reference, subject, party)
        self._world.books.append(line)
        return line

    def _truth(self, kind: str, banks: Iterable[BankLine], books: Iterable[BookLine], answer: str = MATCHED) -> None:
        sides = frozenset(line.id for line in banks), frozenset(line.id for line in books)
        self._world.truths.append(Truth(kind, *sides, answer))

    def _next(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number:08}"

    def _account(self) -> tuple[str, str]:
        return self._chance.choice(self._accounts)

    def _day(self) -> dt.date:
        return FIRST + dt.timedelta(days=self._chance.randrange(self._days))

    def _amount(self) -> int:
        """An amount to the cent, more often small than large."""
        return int(10 ** self._chance.uniform(3.3, 6.3))

    def _price(self) -> int:
        """A premium: every third is a round price that many others pay."""
        return self._chance.randint(4, 80) * 2_500 if self._chance.random() < 0.33 else self._amount()

    def _reference(self, series: str) -> str:
        while (made := (series, self._chance.randrange(10**8))) in self._made:
            pass
        self._made.add(made)
        return f"{series}-{made[1]:08}"

    def _check(self) -> str:
        return str(self._chance.randrange(1000, 99_999))

    def _mistyped(self, reference: str) -> str:
        at = self._chance.randrange(5, len(reference) - 1)
        how = self._chance.randrange(3)
        if how == 0:
            return reference[:at] + reference[at + 1 :]
        if how == 1:
            return reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
        return reference[:at] + str((int(reference[at]) + 1) % 10) + reference[at + 1 :]

    def _name(self) -> str:
        return (
            f"{self._chance.choice(_GIVEN)} {self._chance.choice('ABCDEFGHJKLMNPRSTW')} {self._chance.choice(_FAMILY)}"
        )

    def _company(self) -> str:
        return f"{self._chance.choice(_FAMILY)} {self._chance.choice(_FAMILY)} {self._number} LLC"

    def _spelled(self, name: str) -> str:
        """A name as banks spell it."""
        given, middle, family = name.split()
        return self._chance.choice((name, f"{family}, {given} {middle}", f"{given} {family}", f"{family} {given[0]}"))

    @staticmethod
    def _half_even(numerator: int, denominator: int) -> int:
        return round(Fraction(numerator, denominator))
