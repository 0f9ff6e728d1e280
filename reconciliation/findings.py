"""What a run of matching left over, kept as breaks: new ones open, settled ones close, the same stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from reconciliation import breaks, matching
from reconciliation.models import BankAccount, Break, Match

KINDS = tuple(kind.value for kind in matching.BreakKind)
LISTED = 20
SETTLED = "Settled by matching: "
"""How matching begins the reason of a break it closes itself; any other reason is a person's and is final."""


@dataclass(slots=True)
class Findings:
    """What changed of an account's breaks."""

    opened: list[Break] = field(default_factory=list)
    closed: list[Break] = field(default_factory=list)


@step
def bring_up_to_date(account: BankAccount, found: Iterable[matching.Break], matched: Mapping[str, str]) -> Findings:
    """Open the breaks that are new, close those that are settled, leave alone what says the same as before.

    A break that a person closed is not opened again while it says the same.
    Takes:  `matched`, the match of each line this run matched.
    """
    wanted = {_facts_of_found(one): one for one in found}
    done = Findings()
    rows = Break.objects.filter(bank_account=account, kind__in=KINDS)
    for open_break in rows.filter(state=Break.State.OPEN).order_by("id"):
        if wanted.pop(_facts(open_break), None) is None:
            _settle(open_break, matched.get(open_break.subject_id))
            done.closed.append(open_break)
    subjects = [one.line_id for one in wanted.values()]
    decided = rows.filter(state=Break.State.CLOSED, subject_id__in=subjects).exclude(closed_reason__startswith=SETTLED)
    for known in decided:
        wanted.pop(_facts(known), None)
    done.opened.extend(_open(account, wanted.values()))
    return done


@step
def close_breaks_of(match: Match) -> list[Break]:
    """Close what waited for the lines of a match; what else hangs on them is looked at in the next run."""
    lines = [line.id for line in match.statement_lines] + [str(line.pk) for line in match.ledger_lines]
    return close_breaks_of_lines(match.bank_account, dict.fromkeys(lines, match.id), "is matched")


@step
def close_breaks_of_lines(account: BankAccount, became: Mapping[str, str], words: str) -> list[Break]:
    """Close what waited for lines. Takes: for each line, what it became part of; `words`, what the line is now."""
    rows = Break.objects.filter(bank_account=account, kind__in=KINDS, state=Break.State.OPEN)
    closed = list(rows.filter(subject_id__in=list(became)).order_by("id"))
    for waiting in closed:
        breaks.close_break(waiting, reason=f"{SETTLED}the line {words} ({became[waiting.subject_id]}).")
    return closed


def _settle(found: Break, match_id: str | None) -> None:
    became = f"the line is matched ({match_id})." if match_id else "it no longer stands as it was described."
    breaks.close_break(found, reason=SETTLED + became)


def _open(account: BankAccount, found: Iterable[matching.Break]) -> Iterator[Break]:
    for one in found:
        opened = breaks.open_break(
            organization_id=account.organization_id,
            bank_account_id=account.id,
            kind=one.kind,
            subject_id=one.line_id,
            difference=Money(one.difference_minor, one.currency),
            reason=one.reason,
            inputs=_inputs(one),
        )
        if opened is not None:
            yield opened


def _inputs(found: matching.Break) -> dict[str, Any]:
    most = LISTED if found.kind == matching.BreakKind.AMBIGUOUS else None  # the others name all lines of one money
    return {
        "candidates": list(found.candidates[:most]),
        "candidate_count": len(found.candidates),
        "claimants": list(found.claimants[:most]),
        "claimant_count": len(found.claimants),
        "rule_version": found.rule_version,
    }


Facts = tuple[str, str, int, str]


def _facts_of_found(found: matching.Break) -> Facts:
    return found.line_id, found.kind.value, found.difference_minor, _spelled(_inputs(found))


def _facts(row: Break) -> Facts:
    return row.subject_id, row.kind, row.difference_minor, _spelled(row.inputs)


def _spelled(inputs: dict[str, Any]) -> str:
    names = ("candidates", "candidate_count", "claimants", "claimant_count")
    return repr([inputs.get(name) for name in names])
