"""One payment for several invoices: a part and a receipt for each, taken, given back and returned to the cent."""

from __future__ import annotations

import pytest

from billing.models import Invoice, Receipt
from compliance.models import EventRecord
from coverpay import books as proof
from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from payments import attempts, collection, refunds
from payments.collection import NotTogether, PaymentInProgress, Wanted
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment, PaymentPart
from payments.shares import divided, surcharge_back, taken_surcharge
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def together(house: House, *invoices: Invoice, token: str = "tok_ok", surcharge: int = 0, sent: bool = True) -> Payment:
    """Collect all of several invoices in one payment."""
    payment = collection.collect_many(
        items=[Wanted(invoice.id) for invoice in invoices],
        method="card",
        token=token,
        surcharge_minor=surcharge,
        actor=house.me,
    )
    if sent:
        attempts.submit(payment.attempts.get().id)
    return Payment.objects.get(pk=payment.id)


def ties(house: House) -> bool:
    return differences(house) == [] and proof.check(house.operator.id) == []


def test_invoices_of_two_policies_are_paid_by_one_charge(house: House) -> None:
    first, second = books.billed(house), books.billed(house)
    payment = together(house, first, second)
    assert (payment.state, payment.amount_minor) == ("succeeded", 1_071_800)
    assert [row["amount"] for row in books.charges(house)] == [1_071_800]
    assert list(Receipt.objects.order_by("id").values_list("policy_id", "amount_minor")) == [
        (first.policy_id, 535_900), (second.policy_id, 535_900),
    ]  # fmt: skip
    assert set(Invoice.objects.values_list("state", flat=True)) == {"paid"}
    assert not PaymentPart.objects.filter(live=True).exists()
    assert ties(house)


def test_every_invoice_of_a_live_payment_is_blocked_and_free_once_it_failed(house: House) -> None:
    first, second = books.billed(house), books.billed(house)
    payment = together(house, first, second, token="tok_decline_expired_card", sent=False)
    with pytest.raises(PaymentInProgress) as refused:
        collection.collect(invoice_id=second.id, method="card", token="tok_ok", actor=house.me)
    assert refused.value.extra == {"payment": payment.id, "invoice": second.id}
    attempts.submit(payment.attempts.get().id)
    assert books.paid(house, second).state == "succeeded"


def test_a_surcharge_is_ours_and_held_in_trust(house: House) -> None:
    invoice = books.billed(house)
    payment = together(house, invoice, surcharge=13_398)
    assert payment.amount_minor == 549_298
    assert Receipt.objects.get().amount_minor == 535_900
    assert books.trial_balance(house)["fee_in_trust", house.operator.id] == -13_398
    assert ties(house)


def test_what_the_bank_returns_is_taken_back_from_every_part(house: House) -> None:
    first, second = books.billed(house), books.billed(house)
    before = books.trial_balance(house)
    payment = together(house, first, second, surcharge=500)
    returned = Outcome(Status.RETURNED, code="R01", amount=Money(1_072_300))
    attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=returned, actor=house.me)
    assert books.trial_balance(house) == before
    assert set(Invoice.objects.values_list("state", flat=True)) == {"open"}
    assert EventRecord.objects.filter(type="payment.returned").count() == 1
    assert ties(house)


def test_a_whole_refund_takes_back_every_part_by_exact_opposites(house: House) -> None:
    first, second = books.billed(house), books.billed(house)
    before = books.trial_balance(house)
    payment = together(house, first, second, surcharge=500)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("django.conf.settings.REFUND_LIMIT_MINOR", 2_000_000)
        refund = refunds.request(payment_id=payment.id, reason="wrong payor", actor=house.me)
    refunds.submit(refund.id)
    assert books.trial_balance(house) == before
    assert ties(house)


def test_another_amount_taken_fills_the_parts_in_their_order(house: House) -> None:
    first, second = books.billed(house), books.billed(house)
    payment = together(house, first, second, token="tok_timeout_taken", sent=True)
    attempt = Attempt.objects.get()
    attempts.resolve(attempt_id=attempt.id, taken=True, reason="portal", amount_minor=600_000, actor=house.me)
    assert list(Receipt.objects.order_by("id").values_list("source_id", "amount_minor")) == [
        (payment.id, 535_900), (PaymentPart.objects.get(position=2).id, 64_100),
    ]  # fmt: skip
    assert ties(house)


@pytest.mark.parametrize(("wanted", "error"), [("none", NotTogether), ("twice", NotTogether), ("unknown", NotFound)])
def test_what_cannot_be_paid_together_is_refused(house: House, wanted: str, error: type[Exception]) -> None:
    invoice = books.billed(house)
    items = {"none": [], "twice": [Wanted(invoice.id)] * 2, "unknown": [Wanted("inv_" + "0" * 26)]}[wanted]
    with pytest.raises(error):
        collection.collect_many(items=items, method="card", token="tok_ok", actor=house.me)
    assert not Payment.objects.exists()


def test_shares_are_worked_out_by_hand() -> None:
    assert divided([300, 200], 10, 510) == [300, 200]
    assert divided([300, 200], 10, 610) == [400, 200]  # more than asked is the first part's
    assert taken_surcharge(8, 508, 408) == 6  # 6.43
    assert divided([300, 200], 8, 408) == [300, 102]
    assert divided([300, 200], 0, 250) == [250, 0]


def test_what_goes_back_of_a_surcharge_is_its_proportion_of_all_that_went_back() -> None:
    # 1,000 taken, 30 of it surcharge: a third of it is 9.99, two thirds 19.98, all of it 30.
    first = surcharge_back(30, 1_000, before=0, before_surcharge=0, amount=333)
    second = surcharge_back(30, 1_000, before=333, before_surcharge=first, amount=333)
    third = surcharge_back(30, 1_000, before=666, before_surcharge=first + second, amount=334)
    assert (first, second, third) == (10, 10, 10)
    assert surcharge_back(900, 1_000, before=0, before_surcharge=0, amount=1) == 0  # some money itself goes back
