"""What payors and agencies do online, for the seeded book: a link, what ways of paying cost, a batch that was paid."""

from __future__ import annotations

from payments import attempts, batches, method_fees, pay_links
from payments.batches import Asked
from tests.support import books
from tests.support.books import House

FEES = {"payee": "broker", "channels": {"web": {"card": {"percent": "2.5", "cost_percent": "2.4"}}}}


def online(house: House) -> None:
    """A link that is open, a version of method fees, and two invoices paid at once."""
    method_fees.publish(spec=FEES, effective_from=books.SINCE, actor=house.me)
    pay_links.create(invoice_id=books.billed(house).id, actor=house.me)
    bills = [books.billed(house), books.billed(house)]
    paid = batches.pay(items=[Asked(bill.id) for bill in bills], method="ach", token="tok_ok", actor=house.me)
    for payment in paid:
        attempts.submit(payment.attempts.get().id)
