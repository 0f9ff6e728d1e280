"""Both sides of a statement of others, item by item, and the breaks that follow what differs."""

from __future__ import annotations

from collections.abc import Sequence

from coverpay.kernel import clock
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments import source_sides
from payments.models import SourceItem, SourceLine, SourceStatement
from payments.source_sides import REMITTANCE
from policies.models import Policy
from reconciliation import breaks
from reconciliation.models import Break
from reconciliation.sides import Compared, Outcome, Side, compare

State = SourceStatement.State
KINDS: dict[Outcome, str] = {
    Outcome.WE_MORE: Break.Kind.SOURCE_WE_MORE,
    Outcome.WE_LESS: Break.Kind.SOURCE_WE_LESS,
    Outcome.UNKNOWN: Break.Kind.SOURCE_UNKNOWN,
    Outcome.MISSING: Break.Kind.SOURCE_MISSING,
}


@step
def compare_locked(statement: SourceStatement) -> bool:
    """Keep both sides of every item, and let breaks follow. Gives: whether anything is other than it was."""
    found = compared(statement, list(statement.lines.all()))
    policies = source_sides.policies_of(statement, [each.policy for each in found])
    by_key = {(each.policy, each.item): each for each in found}
    kept = {(row.policy_mark, row.item): row for row in statement.items.select_related("policy")}
    fresh = [SourceItem(statement=statement, policy_mark=mark, item=item) for mark, item in by_key.keys() - kept.keys()]
    for row in fresh:
        _set(row, by_key[row.policy_mark, row.item], policies.get(row.policy_mark))
    SourceItem.objects.bulk_create(fresh, batch_size=2000)
    changed = bool(fresh)
    for key, row in kept.items():
        gone = Compared(*key, 0, 0, Outcome.EQUAL)
        if _set(row, by_key.get(key, gone), policies.get(key[0]) or row.policy):
            row.save()
            changed = True
    different = statement.items.exclude(outcome=Outcome.EQUAL).exists()
    if different and statement.state != State.DIFFERENT:
        statement.differ()
    elif not different and statement.state != State.AGREED:
        statement.agree()
    statement.compared_at = clock.now()
    statement.save(update_fields=["state", "compared_at"])
    return _follow(statement) or changed


def compared(statement: SourceStatement, lines: Sequence[SourceLine]) -> tuple[Compared, ...]:
    """Both sides of every item as our books are now; the statement need not be saved."""
    theirs = [Side(line.policy_mark, line.item, line.amount_minor) for line in lines]
    known = {"", *source_sides.policies_of(statement, {line.policy_mark for line in lines})}
    if statement.remittances:
        theirs.append(Side("", REMITTANCE, statement.total_minor))
    return compare(theirs, source_sides.ours(statement), known)


def _set(row: SourceItem, each: Compared, policy: Policy | None) -> bool:
    """Put both sides on a row. Gives: whether anything is other than it was."""
    before = (row.theirs_minor, row.ours_minor, row.outcome, row.policy_id)
    row.theirs_minor, row.ours_minor, row.outcome = each.theirs_minor, each.ours_minor, each.outcome
    row.policy = policy
    return before != (row.theirs_minor, row.ours_minor, row.outcome, row.policy_id)


@step
def _follow(statement: SourceStatement) -> bool:
    """Open a break for each item that differs, and close those that say something else than is so now."""
    standing = _open_breaks(statement)
    changed = False
    for item in statement.items.select_related("policy"):
        found = standing.get(item.id)
        kind = KINDS.get(Outcome(item.outcome))
        if found is not None and (found.kind, found.difference_minor) != (kind, item.difference_minor):
            breaks.close_break(found, reason="Compared again, it is otherwise.")
            found, changed = None, True
        if found is None and kind is not None:
            breaks.open_break(
                organization_id=statement.organization_id,
                kind=kind,
                subject_id=item.id,
                difference=Money(item.difference_minor, statement.currency),
                reason=_words(statement, item),
                inputs={
                    "statement": statement.id,
                    "policy": item.policy_id or item.policy_mark,
                    "item": item.item,
                    "theirs_minor": item.theirs_minor,
                    "ours_minor": item.ours_minor,
                },
            )
            changed = True
    return changed


@step
def close_breaks(statement: SourceStatement, *, reason: str) -> None:
    """Close every open break of a locked statement."""
    for found in _open_breaks(statement).values():
        breaks.close_break(found, reason=reason)


def _open_breaks(statement: SourceStatement) -> dict[str, Break]:
    names = list(statement.items.values_list("id", flat=True))
    rows = Break.objects.filter(subject_id__in=names, state=Break.State.OPEN).select_for_update(of=("self",))
    return {found.subject_id: found for found in rows}


def _words(statement: SourceStatement, item: SourceItem) -> str:
    theirs, ours = Money(item.theirs_minor, statement.currency), Money(item.ours_minor, statement.currency)
    about = " ".join(part for part in (item.item.replace("_", " "), item.policy_mark) if part)
    match item.outcome:
        case Outcome.UNKNOWN:
            return f"{statement} says {theirs} for {about}; no policy of ours has this number."
        case Outcome.MISSING:
            return f"{statement} does not name {about}; our books have {ours}."
    return f"{statement} says {theirs} for {about}; our books have {ours}."
