"""The pages where payors pay: each payment once, nothing of anybody else, and friendly refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from django.urls import reverse

from billing import accounts, invoices
from billing.models import Invoice
from compliance import explanations
from coverpay.kernel import clock
from payments import pay_links, scheduled
from payments.models import Autopay, Mandate, PayLink, Payment, PaymentMethod, RecoveryCase, ScheduledPayment
from policies.parties import PartyDetails
from tests.payments.test_method_fees import FEE_OF_A_BROKER, decide, publish, visa_limit
from tests.support import books, payors
from tests.support.books import House
from tests.support.html import read
from tests.support.payors import Payor, linked

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(house: House) -> Invoice:
    """The first half of the Hawaii policy: 5,359.00 is open."""
    return books.billed(house)


def insured() -> PartyDetails:
    return PartyDetails(reference="INS-1", name="Aloha Foods", postal_code="96813")


def test_a_payor_pays_by_card_and_gets_a_receipt(house: House, invoice: Invoice) -> None:
    payor, link = linked(house, invoice_id=invoice.id)
    page = read(payor.sees())
    assert f"Bill {invoice.number}" in page.text and "5,359.00 USD" in page.text
    assert payor.chooses([invoice.id]).status_code == 302
    review = read(payor.sees("review"))
    assert "You pay 5,359.00 USD" in review.text and "Visa ···4242" in review.text
    assert payor.confirms().status_code == 302
    waiting = payor.sees("status")
    assert waiting.headers["Refresh"] == "3" and "on its way" in read(waiting).text
    payors.work()
    paid = payor.sees("status")
    assert "Refresh" not in paid.headers
    assert "Paid. Thank you. 5,359.00 USD by Visa ending in 4242." in read(paid).text
    assert payor.sees("receipt").content.startswith(b"%PDF-")
    payment = Payment.objects.get()
    assert (payment.initiator, payment.amount_minor, payment.surcharge_minor) == ("payor", 535_900, 0)
    link.refresh_from_db()
    assert (link.payment, pay_links.state_of(link)) == (payment, "used")


def test_a_double_click_or_a_reload_pays_once(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, policy_id=invoice.policy_id, single_use=False)
    payor.chooses([invoice.id])
    shown = payor.shown()
    answers = [payor.confirms(shown), payor.confirms(shown)]
    payors.work()
    answers.append(payor.confirms(shown))
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, reverse("pay:status", args=[payor.link_id]))
    }
    assert Payment.objects.count() == 1


def test_a_decline_leaves_the_link_open_for_another_way(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, invoice_id=invoice.id)
    payor.chooses([invoice.id], card_token="tok_decline_insufficient_funds")
    payor.confirms()
    payors.work()
    page = read(payor.sees("status"))
    assert "nothing was charged" in page.text and "insufficient" not in page.text
    assert payor.client.get(page.links["Try another way"]).status_code == 200
    payor.chooses([invoice.id])
    payor.confirms()
    payors.work()
    assert sorted(Payment.objects.values_list("state", flat=True)) == ["failed", "succeeded"]


def test_after_five_declines_in_an_hour_nobody_pays_these_bills_here(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, invoice_id=invoice.id)
    for _ in range(5):
        payor.chooses([invoice.id], card_token="tok_decline_insufficient_funds")
        payor.confirms()
        payors.work()
    payor.chooses([invoice.id])
    assert payor.confirms().status_code == 429
    assert Payment.objects.count() == 5
    clock.advance(dt.timedelta(hours=1, seconds=1))
    assert payor.confirms().status_code == 302


def test_what_changed_since_it_was_shown_is_shown_again(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, invoice_id=invoice.id)
    payor.chooses([invoice.id])
    shown = payor.shown()
    publish(house, {"channels": {"web": {"ach": {"flat": "1.00"}}}})
    visa_limit(house)
    decide(house, "broker_may_pass_card_fee", True, "HI", "all_pc")
    spec = {**FEE_OF_A_BROKER, "channels": {"web": {"card": {"percent": "2", "cost_percent": "3"}}}}
    publish(house, spec)
    again = payor.confirms(shown)
    assert again.status_code == 409 and "look at it again" in read(again).text
    assert "You pay 5,466.18 USD" in read(again).text  # 2% of 5,359.00 is 107.18
    payor.confirms()
    payment = Payment.objects.get()
    assert (payment.amount_minor, payment.surcharge_minor) == (546_618, 10_718)
    (why,) = explanations.of(payment.id)
    assert (why.figure, why.amount_minor, why.rule_version) == ("surcharge", 10_718, "method fees v2")


def test_only_a_browser_that_opened_the_link_sees_its_pages(house: House, invoice: Invoice) -> None:
    payor, link = linked(house, invoice_id=invoice.id)
    payor.chooses([invoice.id])
    for page in ("choose", "review", "status", "receipt"):
        address = reverse(f"pay:{page}", args=[link.id])
        for answer in (Client().get(address), Client().post(address)):
            assert answer.status_code in (404, 405)
            assert invoice.number not in answer.content.decode()
    unknown = Client().get(reverse("pay:choose", args=[f"lnk_{'0' * 26}"]))
    assert unknown.content == Client().get(reverse("pay:choose", args=[link.id])).content


def test_a_link_pays_nothing_but_what_it_is_about(house: House, invoice: Invoice) -> None:
    other = books.billed(house)
    payor, _ = linked(house, invoice_id=invoice.id)
    assert payor.chooses([other.id]).status_code == 422
    method = PaymentMethod.objects.create(
        organization=house.operator, party=other.policy.insured, kind="card", brand="Visa", last4="1111"
    )
    assert payor.chooses([invoice.id], way=method.id).status_code == 422
    assert Payment.objects.count() == 0


def test_pages_are_kept_by_no_cache_and_tell_nobody_where_they_are(house: House, invoice: Invoice) -> None:
    payor = Payor()
    _, url = pay_links.create(invoice_id=invoice.id, actor=house.me)
    answers = [payor.opens(url), payor.sees(), payor.opens("/pay/unknown/")]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store, private"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert [answer.status_code for answer in answers] == [302, 200, 404]


def test_ended_links_say_so_without_a_word_about_the_bill(house: House, invoice: Invoice) -> None:
    link, url = pay_links.create(invoice_id=invoice.id, days=1, actor=house.me)
    payor = Payor()
    payor.opens(url)
    pay_links.revoke(link_id=link.id, reason="wrong person", actor=house.me)
    _, late = pay_links.create(invoice_id=invoice.id, days=1, actor=house.me)
    answers = [payor.sees(), payor.opens(url)]
    clock.advance(dt.timedelta(days=1))
    for answer in (*answers, payor.opens(late)):
        assert answer.status_code == 410
        assert invoice.number not in answer.content.decode()


def test_a_part_is_paid_where_the_plan_allows_it(house: House) -> None:
    from billing import schedules

    spec = {"partial_payments": True}
    schedules.publish_plan(code="easy", name="Easy", spec=spec, effective_from=books.SINCE, actor=house.me)
    easy, strict = books.billed(house, plan="easy"), books.billed(house, plan="full")
    payor, _ = linked(house, invoice_id=strict.id)
    assert f"amount_{strict.id}" not in read(payor.sees()).fields
    payor.chooses([strict.id], **{f"amount_{strict.id}": "1.00"})
    assert payor.sees("review").context["review"].total.amount_minor == strict.total_minor
    payor, _ = linked(house, policy_id=easy.policy_id, single_use=False)
    over = payor.chooses([easy.id], **{f"amount_{easy.id}": "99,999.00"})
    assert over.status_code == 422 and "at most" in read(over).text
    payor.chooses([easy.id], **{f"amount_{easy.id}": "100.50"})
    payor.confirms()
    payors.work()
    payor.chooses([easy.id], **{f"amount_{easy.id}": "0.50"})
    payor.confirms()
    assert list(Payment.objects.order_by("id").values_list("amount_minor", flat=True)) == [100_50, 50]


def test_a_bank_debit_takes_the_payors_leave_in_words_that_are_kept(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, invoice_id=invoice.id)
    payor.chooses([invoice.id], way="ach")
    refused = payor.confirms()
    assert refused.status_code == 422 and Payment.objects.count() == 0
    assert payor.confirms(agree="yes").status_code == 302
    mandate = Mandate.objects.get()
    assert (mandate.given, mandate.given_ip, mandate.recurring) == ("web", "192.0.2.7", False)
    assert "bank account ending in 6789 once, for 5,359.00 USD, on or after 2026-02-02" in mandate.text
    assert (mandate.sec_code, mandate.policy_id) == ("WEB", invoice.policy_id)


def test_a_kept_method_is_offered_next_time_and_one_used_once_is_not(house: House) -> None:
    bills = [books.billed(house, insured=insured()) for _ in range(3)]
    payor, _ = linked(house, invoice_id=bills[0].id)
    payor.chooses([bills[0].id], card_token="tok_pending_ok")
    payor.confirms()
    again, _ = linked(house, invoice_id=bills[1].id)
    assert again.sees().context["form"].kept == []
    again.chooses([bills[1].id], keep="on")
    again.confirms(agree="yes")
    third, _ = linked(house, invoice_id=bills[2].id)
    (kept,) = third.sees().context["form"].kept
    assert (kept.last4, "Visa ···4242" in read(third.sees()).text) == ("4242", True)
    third.chooses([bills[2].id], way=kept.id)
    assert third.sees("review").context["review"].leave == "", "its leave stands"
    third.confirms()
    payors.work()
    assert Payment.objects.filter(payment_method=kept, state="succeeded").count() == 2


def test_enrolment_in_autopay_takes_leave_and_enrols_once(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, policy_id=invoice.policy_id)
    payor.chooses([invoice.id], autopay="on")
    assert "Pay policy" in read(payor.sees("review")).text
    assert payor.confirms().status_code == 422
    payor.confirms(agree="yes")
    autopay, mandate = Autopay.objects.get(), Mandate.objects.get()
    assert autopay.payment_method == mandate.payment_method
    assert (mandate.recurring, mandate.policy) == (True, None)


def test_no_log_line_holds_the_secret_of_a_link(
    house: House, invoice: Invoice, caplog: pytest.LogCaptureFixture
) -> None:
    _, url = pay_links.create(invoice_id=invoice.id, actor=house.me)
    secret = url.rstrip("/").rpartition("/")[2]
    for address in (url, url.rstrip("/") + "x/", url + "?utm=1", url + "more/"):
        Payor().opens(address)
    said = [str(record.msg) + record.getMessage() for record in caplog.records]
    assert any("/pay/***/" in line for line in said)
    assert not [line for line in said if secret in line]


def test_a_payment_is_scheduled_up_to_the_due_date(house: House) -> None:
    to_come = books.bound(house, plan="monthly", effective_on=dt.date(2026, 2, 20), expires_on=dt.date(2027, 2, 20))
    bill = invoices.issue(policy_id=to_come.id, through=dt.date(2026, 2, 20), actor=house.me)
    payor, link = linked(house, policy_id=bill.policy_id)
    assert bill.due_on == dt.date(2026, 2, 20)
    assert "collect_on" in read(payor.sees()).fields
    for day in ("2026-02-02", "2026-02-21"):
        assert payor.chooses([bill.id], when="later", collect_on=day).status_code == 422
    payor.chooses([bill.id], when="later", collect_on="2026-02-19")
    assert "charge my Visa ending in 4242 once" in read(payor.sees("review")).text
    payor.confirms(agree="yes")
    assert "1,296.80 USD will be charged to Visa ···4242 on 2026-02-19" in read(payor.sees("status")).text
    planned = ScheduledPayment.objects.get()
    assert (planned.amount_minor, planned.collect_on, Payment.objects.count()) == (129_680, dt.date(2026, 2, 19), 0)
    link.refresh_from_db()
    assert pay_links.state_of(link) == "used"
    clock.advance(dt.timedelta(days=17))
    assert scheduled.collect_due(house.operator.id, clock.today()) == 1
    payors.work()
    assert Payment.objects.get().state == "succeeded"


def test_new_details_are_kept_with_leave_and_recovery_goes_on_with_them(house: House, invoice: Invoice) -> None:
    books.paid(house, invoice, "tok_decline_insufficient_funds")
    case = RecoveryCase.objects.get()
    payor, link = linked(house, policy_id=invoice.policy_id, purpose="details")
    PayLink.objects.filter(pk=link.pk).update(recovery_case=case)
    assert payor.sees().status_code == 302
    payor.client.post(reverse("pay:details", args=[link.id]), {"way": "card", "card_token": "tok_ok"})
    agree = reverse("pay:agree", args=[link.id])
    assert "I authorize" in read(payor.client.get(agree)).text
    assert payor.client.post(agree).status_code == 422
    assert payor.client.post(agree, {"agree": "yes"}).status_code == 302
    assert "We use Visa ···4242 from now on" in read(payor.client.get(agree)).text
    assert payor.client.post(agree, {"agree": "yes"}).status_code == 302
    assert Mandate.objects.count() == 1
    assert list(case.steps.filter(kind="fallback").values_list("payment_method__last4", flat=True)) == ["4242"]


def test_a_link_for_details_pays_nothing(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, policy_id=invoice.policy_id, purpose="details")
    refused = payor.chooses([invoice.id])
    assert refused.status_code == 422 and "new payment details" in read(refused).text
    assert Payment.objects.count() == 0


def test_several_policies_of_an_account_are_paid_at_once(house: House) -> None:
    """Two halves of 5,359.00 and one left out; the lasting leave covers both policies of a bank debit."""
    policies = [books.bound(house, insured=insured()) for _ in range(3)]
    account = accounts.open_account(number="A-5", payor_id=policies[0].insured_id, mode="separate", actor=house.me)
    accounts.attach(account_id=account.id, policy_ids=[policy.id for policy in policies], actor=house.me)
    bills = [invoices.issue(policy_id=policy.id, actor=house.me) for policy in policies]
    payor, _ = linked(house, billing_account_id=account.id, single_use=False)
    assert "Open in all 16,077.00 USD" in read(payor.sees()).text
    payor.chooses([bills[0].id, bills[2].id], way="ach")
    assert "payments that I start" in read(payor.sees("review")).text
    payor.confirms(agree="yes")
    payors.work()
    payment = Payment.objects.get()
    assert (payment.state, payment.amount_minor, payment.parts.count()) == ("succeeded", 1_071_800, 2)
    text = read(payor.sees()).text
    assert bills[1].number in text and bills[0].number not in text


def test_a_page_that_was_opened_long_ago_is_opened_anew(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, invoice_id=invoice.id)
    clock.advance(dt.timedelta(hours=2, seconds=1))
    assert payor.sees().status_code == 404


def test_an_account_of_many_bills_takes_hardly_more_queries(
    house: House, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    """With 41 bills the page leaves their lines to the documents; what it asks the database does not grow with them."""
    first = books.bound(house, insured=insured())
    account = accounts.open_account(number="A-41", payor_id=first.insured_id, mode="separate", actor=house.me)
    policies = [first, *(books.bound(house, insured=insured()) for _ in range(40))]
    accounts.attach(account_id=account.id, policy_ids=[policy.id for policy in policies], actor=house.me)
    bills = [invoices.issue(policy_id=policy.id, actor=house.me) for policy in policies]
    payor, _ = linked(house, billing_account_id=account.id)
    with django_assert_max_num_queries(40):
        assert bills[40].number in read(payor.sees()).text
    payor.chooses([bill.id for bill in bills])
    with django_assert_max_num_queries(40):
        assert "219,719.00 USD" in read(payor.sees("review")).text  # 41 times 5,359.00
    payor.confirms()
    assert Payment.objects.get().parts.count() == 41


def test_a_payment_that_takes_days_is_not_asked_about_every_three_seconds(house: House, invoice: Invoice) -> None:
    payor, _ = linked(house, invoice_id=invoice.id)
    payor.chooses([invoice.id], card_token="tok_pending_ok")
    payor.confirms()
    payors.work()
    assert payor.sees("status").headers["Refresh"] == "3"
    clock.advance(dt.timedelta(minutes=2))
    later = payor.sees("status")
    assert "Refresh" not in later.headers and "You can close this page" in read(later).text
