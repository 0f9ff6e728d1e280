"""Three sides of a payout, each difference with its sign, and the way of money to the line of the bank."""

from __future__ import annotations

import pytest

from coverpay.kernel import clock
from payments import break_resolutions, journeys, queries, refunds, settlement, three_way
from payments.deposits import Item
from payments.models import Payment, Payout
from payments.resolution_previews import Wish
from payments.three_way import ThreeWay
from reconciliation.models import StatementLine
from tests.coverpay.test_check_books import breaking
from tests.support import bank, books, disputed, resolving, world
from tests.support.books import House
from tests.support.deposits import taken_in
from tests.support.html import read
from tests.support.world import Api

pytestmark = pytest.mark.django_db


def paid_out(house: House) -> Payout:
    """Two payments of 5,359.00, one of them given back, in one payout."""
    books.paid(house, books.billed(house))
    back = books.paid(house, books.billed(house))
    refunds.submit(refunds.request(payment_id=back.id, reason="paid twice", actor=house.me).id)
    books.pay_out(house)
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    return payout


def sides(house: House, payout: Payout) -> ThreeWay:
    return three_way.of_payout(house.me, payout)


def ways(house: House, payment: Payment) -> list[journeys.Journey]:
    payment = queries.one(house.me, payment.id)
    return journeys.of_payment(house.me, payment, queries.payout_lines_of(house.me, payment))


def here(way: journeys.Journey) -> str:
    return next(stop.title for stop in way.stops if stop.here)


def test_a_payout_ties_on_all_three_sides_once_the_bank_shows_it(house: House) -> None:
    payout = paid_out(house)
    found = sides(house, payout)
    assert (found.ours_minor, found.gross_minor) == (535_900, 535_900)
    assert found.net_minor == found.gross_minor - found.fee_minor
    assert (found.processor_less_ours_minor, found.bank_minor, found.ties) == (0, None, False)
    resolving.stated(house, bank.line(payout.amount_minor, payout.reference))
    found = sides(house, payout)
    assert (found.bank_minor, found.bank_less_processor_minor, found.ties) == (payout.amount_minor, 0, True)
    assert list(found.bank_lines) == [StatementLine.objects.get()]


@pytest.mark.parametrize("wrong", [9, -9])
def test_a_line_the_processor_reports_otherwise_is_a_signed_difference_of_that_line(house: House, wrong: int) -> None:
    payout = paid_out(house)
    line = payout.lines.filter(kind="charge").earliest("id")
    breaking("UPDATE payments_payoutline SET gross_minor = gross_minor + %s WHERE id = %s", [wrong, line.id])
    found = sides(house, payout)
    assert {each.line.id: each.difference_minor for each in found.lines if each.difference_minor} == {line.id: wrong}
    assert (found.processor_less_ours_minor, found.ties) == (wrong, False)


def test_what_nobody_here_knows_differs_by_all_of_it(house: House) -> None:
    payout = paid_out(house)
    line = payout.lines.filter(kind="charge").earliest("id")
    breaking("UPDATE payments_payoutline SET our_reference = '' WHERE id = %s", [line.id])
    assert sides(house, payout).processor_less_ours_minor == 535_900


def test_what_the_bank_shows_less_is_named_and_once_posted_as_a_fee_explained(house: House) -> None:
    payout = paid_out(house)
    (found,) = resolving.stated(house, bank.line(payout.amount_minor - 329, payout.reference))
    assert [each.id for each in sides(house, payout).breaks] == [found.id]
    break_resolutions.resolve(break_id=found.id, wish=Wish("merchant_fee"), reason="x", actor=house.me)
    after = sides(house, payout)
    assert (after.bank_less_processor_minor, after.fees_posted_minor, after.unexplained_minor) == (-329, -329, 0)
    assert after.ties


def test_the_page_and_the_route_of_a_payout_show_its_sides(house: House) -> None:
    payout = paid_out(house)
    page = read(world.pages(world.member(house.operator, "finance")).get(f"/payouts/{payout.id}/"))
    assert "Three sides" in page.text
    shown = Api(world.token(house.operator)).get(f"payouts/{payout.id}/sides").json()
    assert (shown["ours_minor"], shown["gross_minor"], shown["bank_minor"], shown["ties"]) == (
        535_900, 535_900, None, False,
    )  # fmt: skip
    assert {line["kind"]: line["ours_minor"] for line in shown["lines"] if line["kind"] == "refund"} == {
        "refund": -535_900
    }


def test_a_payment_and_its_refund_are_each_followed_to_the_bank_line(house: House) -> None:
    payout = paid_out(house)
    back = Payment.objects.get(state="refunded")
    own, refund = ways(house, back)
    assert (here(own), here(refund)) == ("In a payout", "In a payout")
    assert (own.amount_minor, refund.amount_minor, own.over) == (535_900, -535_900, False)
    resolving.stated(house, bank.line(payout.amount_minor, payout.reference))
    line = StatementLine.objects.get()
    for way in ways(house, back):
        last = way.stops[-1]
        assert (last.title, last.here, last.object_id, way.over) == ("On the bank statement", True, line.id, True)


def test_a_declined_payment_goes_nowhere_and_is_over(house: House) -> None:
    (own,) = ways(house, books.paid(house, books.billed(house), "tok_decline_insufficient_funds"))
    assert (here(own), own.over) == ("Initiated", True)


def test_a_dispute_is_a_way_of_its_own(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    disputed.dispute_of(house, payment)
    _, dispute = ways(house, payment)
    assert (dispute.title, dispute.stops[0].title) == ("Dispute", "Opened")
    assert (here(dispute), dispute.amount_minor, dispute.over) == (
        "Withdrawn by the processor", -535_900, False,
    )  # fmt: skip


def test_a_deposit_is_followed_to_the_line_that_shows_it(house: House) -> None:
    policy = books.billed(house).policy
    deposit = taken_in(house, Item(10_000, policy.number, "Aloha", "1001"), reference="D1")
    assert here(journeys.of_deposit(house.me, deposit)) == "Placed"
    resolving.stated(house, bank.line(10_000, "D1"))
    way = journeys.of_deposit(house.me, deposit)
    assert (here(way), way.stops[-1].object_id) == ("On the bank statement", StatementLine.objects.get().id)
    finance = world.pages(world.member(house.operator, "finance"))
    assert "Where the money is" in read(finance.get(f"/deposits/{deposit.id}/")).text


def test_the_payment_page_follows_by_itself_until_the_money_is_at_the_bank(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    finance = world.pages(world.member(house.operator, "finance"))
    page = finance.get(f"/payments/{payment.id}/").content.decode()
    assert "js/live.js" in page
    assert 'data-live-part="content" data-live ' in " ".join(page.split())
    books.pay_out(house)
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=house.me)
    resolving.stated(house, bank.line(payout.amount_minor, payout.reference))
    page = " ".join(finance.get(f"/payments/{payment.id}/").content.decode().split())
    assert 'data-live-part="content"' in page
    assert "data-live " not in page
    (own,) = Api(world.token(house.operator)).get(f"payments/{payment.id}/journey").json()
    assert [stop["title"] for stop in own["stops"] if stop["here"]] == ["On the bank statement"]
