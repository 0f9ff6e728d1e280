"""Carriers' remittance advice and agencies' payments beside our books, with figures computed by hand.

The first invoice of the Hawaii policy asks 5,000.00 premium + 125.00 carrier fee + 234.00 tax = 5,359.00; of what is
collected the carrier gets 4,250.00 (85% of premium) + 125.00, the state 234.00.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import trust
from compliance.models import AuditEntry
from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid
from coverpay.kernel.money import Money
from payments import settlement, sources
from payments.models import SourceItem, SourceStatement
from payments.source_files import SourceRow
from payments.sources import SourceKnown, SourceMapUnreadable, SourceRefused, Stated
from policies.models import Policy
from reconciliation.models import Break
from tests.support import bank, books
from tests.support.books import House

pytestmark = pytest.mark.django_db
SPEC = {"policy": "Policy", "amount": "Net", "item": "Type", "items": {"PREM": "premium", "FEE": "carrier_fee"}}


@pytest.fixture
def policy(house: House) -> Policy:
    """A policy whose first invoice is paid: 4,250.00 premium and 125.00 fee are the carrier's."""
    return books.paid(house, books.billed(house)).policy


def _stated(house: House, total_minor: int, **changes: Any) -> Stated:
    asked: dict[str, Any] = {
        "kind": "carrier_remittance",
        "counterparty_id": house.carrier.id,
        "reference": "RA-1",
        "from_on": books.SINCE,
        "to_on": dt.date(2027, 1, 1),
        "total_minor": total_minor,
    }
    return Stated(**{**asked, **changes})


def _record(house: House, *rows: tuple[str, str, int], **changes: Any) -> SourceStatement:
    lines = [SourceRow(number, mark, amount, item) for number, (mark, item, amount) in enumerate(rows, start=1)]
    total = changes.pop("total_minor", sum(amount for _, _, amount in rows))
    return sources.record(stated=_stated(house, total, **changes), rows=lines, actor=house.me)


def _items(statement: SourceStatement) -> list[tuple[str, int, int, str]]:
    rows = SourceItem.objects.filter(statement=statement).order_by("policy_mark", "item")
    return [(row.item, row.theirs_minor, row.ours_minor, row.outcome) for row in rows]


def _open(statement: SourceStatement) -> list[tuple[str, int]]:
    rows = Break.objects.filter(state="open", subject_id__in=statement.items.values("id")).order_by("difference_minor")
    return [(row.kind, row.difference_minor) for row in rows]


def test_what_the_carrier_says_and_what_was_collected_for_it_agree(house: House, policy: Policy) -> None:
    done = _record(house, (policy.number, "premium", 425_000), (policy.number, "carrier_fee", 12_500))
    assert done.state == "agreed"
    assert _items(done) == [("carrier_fee", 12_500, 12_500, "equal"), ("premium", 425_000, 425_000, "equal")]
    assert not Break.objects.exists()
    assert AuditEntry.objects.get(object_id=done.id).action == "source.received"


def test_each_difference_becomes_a_break_with_its_sign(house: House, policy: Policy) -> None:
    other = books.paid(house, books.billed(house)).policy
    done = _record(
        house,
        (policy.number, "premium", 424_900),
        (policy.number, "carrier_fee", 12_501),
        ("NOBODY-1", "premium", 7_777),
    )
    assert done.state == "different"
    assert _open(done) == [
        ("source_missing", -425_000),
        ("source_missing", -12_500),
        ("source_we_more", -100),
        ("source_we_less", 1),
        ("source_unknown", 7_777),
    ]
    reasons = " ".join(Break.objects.values_list("reason", flat=True))
    assert f"RA-1 says 4,249.00 USD for premium {policy.number}; our books have 4,250.00 USD." in reasons
    assert f"RA-1 does not name carrier fee {other.number}; our books have 125.00 USD." in reasons
    assert "RA-1 says 77.77 USD for premium NOBODY-1; no policy of ours has this number." in reasons


def test_a_policy_is_never_guessed_from_a_number_that_is_almost_its_own(house: House, policy: Policy) -> None:
    done = _record(house, (policy.number.lower(), "premium", 425_000))
    item = SourceItem.objects.get(statement=done, policy_mark=policy.number.lower())
    assert (item.outcome, item.policy) == ("unknown", None)


def test_without_items_the_policy_is_compared_in_one_sum(house: House, policy: Policy) -> None:
    assert _items(_record(house, (policy.number, "", 437_500))) == [("", 437_500, 437_500, "equal")]


def test_only_the_days_of_the_statement_count(house: House, policy: Policy) -> None:
    done = _record(house, ("NOBODY", "", 1), from_on=books.SINCE, to_on=clock.today() - dt.timedelta(days=1))
    assert _items(done) == [("", 1, 0, "unknown")]


def test_a_remittance_it_names_is_held_against_our_withdrawal(house: House, policy: Policy) -> None:
    books.pay_out(house)
    settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    wanted = trust.Withdrawal("premium_payable", Money(425_000), house.bank.id, "REMIT-1", owner=house.carrier.id)
    trust.withdraw(wanted=wanted, reason="January", actor=house.me)
    rows = [(policy.number, "premium", 425_000), (policy.number, "carrier_fee", 12_500)]
    done = _record(house, *rows, remittances=("REMIT-1",))
    assert _items(done)[0] == ("remittance", 437_500, 425_000, "we_less")
    assert _open(done) == [("source_we_less", 12_500)]


def test_the_same_again_changes_nothing_and_other_content_under_its_number_is_refused(
    house: House, policy: Policy
) -> None:
    first = _record(house, (policy.number, "premium", 1))
    assert _record(house, (policy.number, "premium", 1)).pk == first.pk
    assert (SourceStatement.objects.count(), len(_open(first))) == (1, 2)
    with pytest.raises(SourceKnown):
        _record(house, (policy.number, "premium", 2))


def test_two_identical_genuine_lines_are_two(house: House, policy: Policy) -> None:
    done = _record(house, (policy.number, "premium", 212_500), (policy.number, "premium", 212_500))
    assert ("premium", 425_000, 425_000, "equal") in _items(done)


def test_lines_that_do_not_come_to_the_total_are_refused_whole(house: House, policy: Policy) -> None:
    with pytest.raises(SourceRefused, match=r"come to 4,250.00 USD, the total stated is 4,250.01 USD"):
        _record(house, (policy.number, "premium", 425_000), total_minor=425_001)
    assert not SourceStatement.objects.exists()


def test_compared_again_breaks_follow_the_books(house: House, policy: Policy) -> None:
    later = books.billed(house)
    rows = [(number, item, minor) for number in (policy.number, later.policy.number)
            for item, minor in (("premium", 425_000), ("carrier_fee", 12_500))]  # fmt: skip
    done = _record(house, *rows)
    assert _open(done) == [("source_we_less", 12_500), ("source_we_less", 425_000)]
    same = sources.compare_again(statement_id=done.id, actor=house.me)
    assert (same.state, len(_open(done))) == ("different", 2)
    books.paid(house, later)
    assert sources.compare_again(statement_id=done.id, actor=house.me).state == "agreed"
    assert _open(done) == []
    assert set(Break.objects.values_list("closed_reason", flat=True)) == {"Compared again, it is otherwise."}


def test_a_withdrawn_statement_closes_its_breaks_and_makes_room(house: House, policy: Policy) -> None:
    done = _record(house, (policy.number, "premium", 1))
    sources.withdraw(statement_id=done.id, reason="Of another month.", actor=house.me)
    assert _open(done) == []
    with pytest.raises(IllegalTransition):
        sources.compare_again(statement_id=done.id, actor=house.me)
    assert _record(house, (policy.number, "premium", 1)).pk != done.pk


def test_a_file_is_read_by_the_saved_map(house: House, policy: Policy) -> None:
    content = f'Policy,Type,Net\n{policy.number},PREM,"4,250.00"\n{policy.number},FEE,125.00\n'.encode()
    asked: dict[str, Any] = {"stated": _stated(house, 437_500), "content": content, "actor": house.me}
    with pytest.raises(SourceMapUnreadable, match="Save a map"):
        sources.import_file(**asked, file_name="ra.csv")
    of: dict[str, Any] = {"kind": "carrier_remittance", "counterparty_id": house.carrier.id, "actor": house.me}
    columns = sources.publish_map(**of, spec=SPEC)
    assert (columns.number, sources.publish_map(**of, spec=SPEC).pk) == (1, columns.pk)
    assert [each.outcome for each in sources.preview(**asked).items] == ["equal", "equal"]
    assert not SourceStatement.objects.exists()
    done = sources.import_file(**asked, file_name="ra.csv")
    assert (done.state, done.map, done.line_count, done.file_name) == ("agreed", columns, 2, "ra.csv")
    assert sources.import_file(**asked, file_name="again.csv").pk == done.pk
    odd = content.replace(b"FEE", b"MISC")
    with pytest.raises(SourceRefused, match="does not say what 'MISC' is"):
        sources.import_file(stated=_stated(house, 437_500), content=odd, file_name="x", actor=house.me)


def test_a_map_or_statement_of_somebody_without_that_role_is_refused(house: House, policy: Policy) -> None:
    with pytest.raises(Invalid, match="in that role"):
        _record(house, (policy.number, "premium", 1), counterparty_id=house.operator.id)
    with pytest.raises(SourceMapUnreadable, match="which column holds the amount"):
        sources.publish_map(
            kind="carrier_remittance", counterparty_id=house.carrier.id, spec={"policy": 1}, actor=house.me
        )
    with pytest.raises(Forbidden):
        sources.record(
            stated=_stated(house, 1), rows=[SourceRow(1, "P", 1)], actor=bank.acting(house.operator, "viewer")
        )
