"""Random work of several hands on one bank account: money posted, statements, matches, breaks, closes; all at once."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from compliance import approvals
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from payments import break_resolutions
from payments.models import BreakResolution
from payments.resolution_previews import Wish
from reconciliation import closes, matches
from reconciliation.imports import import_statement
from reconciliation.models import Break, Close, IgnoredLine, Match, Statement
from reconciliation.open_lines import open_bank_lines, open_book_lines
from tests.support import bai2_writer as writer
from tests.support.books import House

DAYS, A_DAY = 8, 5
FIRST = dt.date(2026, 1, 12)
FEE_MINOR, STRANGE_MINOR = 1_250, 77_700


@dataclass(slots=True)
class Hand:
    """One person or worker: who it is, its own chance, and what it brought about or was refused."""

    actor: Actor
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class Storm:
    """A house, the statements of its bank, and the steps that hands take at random."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.bank = house.bank
        self.seed = seed
        self.files = self._written()

    def hand(self, name: str) -> Hand:
        permissions = frozenset(permission.value for permission in Permission)
        actor = Actor("user", f"usr_{name}", self.house.operator.id, permissions, name)
        return Hand(actor, random.Random(f"{self.seed}/{name}"))

    def walk(self, hand: Hand, steps: int) -> None:
        """Take so many steps. What is refused by a rule is counted; anything else fails the test."""
        chosen = hand.chance.choices(list(self.steps), list(self.steps.values()), k=steps)
        for step in chosen:
            try:
                done = step(self, hand)
            except DomainError as error:
                hand.refused[error.code] += 1
            else:
                hand.done[step.__name__] += bool(done)

    def post(self, hand: Hand) -> bool:
        """Money comes that our books know: the line of a day, under its reference."""
        from billing import suspense

        day, number = hand.chance.randrange(DAYS), hand.chance.randrange(A_DAY)
        made = suspense.record_unidentified(
            bank_account_id=self.bank.id, source_id=f"R-{day}-{number}", payor="Nobody", memo="", policy_reference="",
            amount=Money(amount_of(day, number)), received_on=FIRST + dt.timedelta(days=day), actor=hand.actor,
        )  # fmt: skip
        return bool(made)

    def import_file(self, hand: Hand) -> bool:
        """Send the file that follows, or any other, which is then out of turn or known."""
        follows = Statement.objects.filter(bank_account=self.bank).count()
        number = min(follows, DAYS - 1) if hand.chance.random() < 0.7 else hand.chance.randrange(DAYS)
        made = import_statement(content=self.files[number], file_name=f"day-{number}.bai", actor=hand.actor)
        assert made.state == "imported", made.problems
        return True

    def run(self, hand: Hand) -> bool:
        return matches.run_matching(bank_account_id=self.bank.id, actor=hand.actor).changed

    def confirm(self, hand: Hand) -> bool:
        """Match two open lines by hand, of one amount as a rule."""
        bank, books = list(open_bank_lines(self.bank)), list(open_book_lines(self.bank))
        pairs = [(one, other) for one in bank for other in books if one.amount_minor == other.amount_minor]
        if hand.chance.random() < 0.2:
            pairs = [(one, other) for one in bank for other in books]
        if not pairs:
            return False
        one, other = hand.chance.choice(pairs)
        return bool(
            matches.confirm(
                bank_account_id=self.bank.id, bank_line_ids=[one.id], book_line_ids=[other.pk], reason="Seen",
                actor=hand.actor,
            )
        )  # fmt: skip

    def undo(self, hand: Hand) -> bool:
        found = list(Match.objects.filter(bank_account=self.bank, undone_at=None))
        return bool(found) and bool(
            matches.undo(match_id=hand.chance.choice(found).id, reason="Not the same", actor=hand.actor)
        )

    def set_aside(self, hand: Hand) -> bool:
        """Set a line aside, or take one up again."""
        aside = list(IgnoredLine.objects.filter(bank_account=self.bank, ended_at=None))
        if aside:
            return bool(matches.unignore(ignored_id=hand.chance.choice(aside).id, reason="After all", actor=hand.actor))
        lines = list(open_bank_lines(self.bank))
        return bool(lines) and bool(
            matches.ignore(
                bank_account_id=self.bank.id, bank_line_ids=[hand.chance.choice(lines).id], reason="Theirs",
                actor=hand.actor,
            )
        )  # fmt: skip

    def resolve(self, hand: Hand) -> bool:
        """Post what the books lack: the bank's fee, or strangers' money."""
        found = list(Break.objects.filter(bank_account=self.bank, kind="bank_only", state="open"))
        if not found:
            return False
        about = hand.chance.choice(found)
        way = BreakResolution.Way.BANK_FEE if about.difference_minor < 0 else BreakResolution.Way.SUSPENSE
        return bool(break_resolutions.resolve(break_id=about.id, wish=Wish(way), reason="Seen", actor=hand.actor))

    def close(self, hand: Hand) -> bool:
        """Close through some day, and prove at once what was sealed, unless another opened it again meanwhile."""
        to_on = FIRST + dt.timedelta(days=hand.chance.randrange(DAYS))
        made = closes.close(book_id=self.house.book_id, to_on=to_on, accepted_reason="As it is", actor=hand.actor)
        assert closes.verify(made) or Close.objects.get(pk=made.pk).state == Close.State.REOPENED
        return True

    def reopen(self, hand: Hand) -> bool:
        """Open the last close again, with another's leave."""
        found = Close.objects.filter(book_id=self.house.book_id, state=Close.State.CLOSED).order_by("-to_on").first()
        if found is None:
            return False
        permit = approvals.request(
            action=closes.REOPEN, object_id=found.id, amount=None, reason="Late", actor=hand.actor
        )
        other = Actor("user", f"{hand.actor.id}-boss", hand.actor.organization_id, hand.actor.permissions, "boss")
        approvals.approve(permit_id=permit.id, actor=other)
        return bool(closes.reopen(close_id=found.id, reason="Late", actor=hand.actor))

    steps: dict[Callable[[Any, Hand], bool], int] = {
        post: 8, import_file: 4, run: 3, confirm: 4, undo: 3, set_aside: 2, resolve: 2, close: 2, reopen: 2,
    }  # fmt: skip

    def _written(self) -> list[bytes]:
        """A statement for each day: what our books will know, a fee, and money nobody knows."""
        files, opening = [], 0
        for day in range(DAYS):
            known = [
                writer.Detail("165", amount_of(day, number), ("0",), "", f"R-{day}-{number}") for number in range(A_DAY)
            ]
            fee = writer.Detail("698", FEE_MINOR + day, ("0",), "", "", "MONTHLY FEE")
            strange = writer.Detail("165", STRANGE_MINOR + day, ("0",), "", f"WIRE-{day}", "FROM A STRANGER")
            account = writer.Account(self.bank.account_mark, opening, (*known, fee, strange), self.bank.currency)
            opening = account.closing
            files.append(writer.write([writer.Group(FIRST + dt.timedelta(days=day), (account,), self.bank.bank_id)]))
        return files


def amount_of(day: int, number: int) -> int:
    """Amounts that are the same in many lines, so that a person can match lines that the rules would not."""
    return 10_000 + 100 * ((day + number) % 6)


def faults(storm: Storm) -> list[str]:
    """What must never be: a line in two matches, a match that does not tie, a closed period that changed."""
    from coverpay import books as proof

    found, taken = [], Counter[tuple[str, Any]]()
    for match in Match.objects.filter(bank_account=storm.bank):
        standing = match.undone_at is None
        bank = sum(line.amount_minor for line in match.statement_lines)
        if bank != sum(line.amount_minor for line in match.ledger_lines) or not match.statement_lines:
            found.append(f"{match.id} does not tie")
        for side in (match.bank_lines.all(), match.book_lines.all()):
            found += [f"{match.id} and its line differ" for each in side if each.live is not standing]
        if standing:
            taken.update(("bank", line.pk) for line in match.statement_lines)
            taken.update(("books", line.pk) for line in match.ledger_lines)
    found += [f"{what} is matched {count} times" for what, count in taken.items() if count > 1]
    aside = IgnoredLine.objects.filter(bank_account=storm.bank, ended_at=None)
    found += [
        f"{row.statement_line_id} is set aside and matched" for row in aside if taken["bank", row.statement_line_id]
    ]
    for made in Close.objects.filter(book_id=storm.house.book_id, state=Close.State.CLOSED):
        found += [] if closes.verify(made) else [f"{made} is not what was sealed"]
    return found + [str(difference) for difference in proof.check(storm.house.operator.id)]


def settled(storm: Storm) -> list[str]:
    """Open lines of the bank that no break tells of once matching has run; there are none."""
    matches.run_matching(bank_account_id=storm.bank.id, actor=storm.house.me)
    told = set(Break.objects.filter(bank_account=storm.bank, state="open").values_list("subject_id", flat=True))
    lines = open_bank_lines(storm.bank).filter(posted_on__lte=clock.today())
    return [line.id for line in lines if line.id not in told]
