"""What people do at the workbench, for the seeded book: a match by hand that taught, a line set aside, rules."""

from __future__ import annotations

from billing import suspense
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from reconciliation import match_rules, matches
from reconciliation.imports import import_statement
from reconciliation.models import MatchSuggestion, StatementLine
from tests.support import bank
from tests.support.books import House


def matched(house: House) -> None:
    """On an account of its own: two lines matched by hand, one set aside, one suggested, and rules published."""
    account = bank.account(house.operator, mark="4470555")
    item = suspense.record_unidentified(
        bank_account_id=account.id, source_id="SEED-MATCH", payor="Seeded Orchids", memo="", policy_reference="",
        amount=Money(9_00), received_on=clock.today(), actor=house.me,
    )  # fmt: skip
    cash = account.ledger_account.lines.get(entry__source_id=item.id)
    lines = (bank.line(9_00, "", "SEED ORCHYDS 7"), bank.line(-2_00, "", "SEEDED FEE"), bank.line(4_00))
    import_statement(content=bank.statement(*lines, mark=account.account_mark), file_name="bench.bai", actor=house.me)
    orchids, fee, other = StatementLine.objects.filter(statement__bank_account=account).order_by("position")
    matches.confirm(
        bank_account_id=account.id, bank_line_ids=[orchids.id], book_line_ids=[cash.pk], reason="Seeded.",
        actor=house.me,
    )  # fmt: skip
    matches.ignore(bank_account_id=account.id, bank_line_ids=[fee.id], reason="Seeded.", actor=house.me)
    MatchSuggestion.objects.create(
        bank_account=account, bank_lines=[other.id], book_lines=[str(cash.pk)], grouping="seeded",
        difference_minor=-5_00, stage="fuzzy_text", score=870, reason="Seeded.", rule_version="seeded",
    )  # fmt: skip
    match_rules.publish(spec={"name": "seeded"}, effective_from=clock.today(), reason="Seeded.", actor=house.me)
