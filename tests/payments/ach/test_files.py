"""Files that go out: which entries, how often, by whom; what the bank says of them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance import vault
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel import clock
from coverpay.kernel.errors import Busy, Forbidden, IllegalTransition, NotFound
from coverpay.kernel.money import Money
from payments import accounts, attempts, mandates, methods, settlement
from payments.ach import composing, files, settling, terms
from payments.gateways.base import Charge, Status
from payments.models import AchEntry, AchFile, Attempt, Mandate, Payment
from tests.support import ach, ach_bank, bank, books, paying, world
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
D = dt.date


@pytest.fixture
def desk(house):
    return ach.open_desk(house)


def build(desk, actor=None):
    return files.build_file(account_id=desk.account.id, actor=actor or desk.house.me)


def test_nothing_staged_makes_no_file_and_a_second_run_gets_the_next_modifier(desk):
    assert build(desk) is None
    ach.debit(desk)
    first = build(desk)
    assert build(desk) is None
    ach.debit(desk)
    second = build(desk)
    assert (first.modifier, second.modifier) == ("A", "B")
    traces = list(AchEntry.objects.order_by("id").values_list("trace_number", flat=True))
    assert traces == ["121000350000001", "121000350000002"]


def test_a_file_is_kept_sealed_and_its_hash_in_the_open(desk):
    ach.debit(desk)
    file = build(desk)
    content = vault.open_sealed(file.content_sealed, row_id=file.id)
    assert "000123456789" in content
    assert "000123456789" not in file.content_sealed
    told = [*AuditEntry.objects.values_list("after", flat=True), *EventRecord.objects.values_list("data", flat=True)]
    assert not [one for one in told if "000123456789" in str(one)]
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(file.content_sealed, row_id="acf_of_another")


def test_what_is_staged_after_the_cut_off_waits_for_the_next_file(desk):
    early = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    late = ach.debit(desk)
    build(desk)
    assert (ach.entry_of(early).state, ach.entry_of(late).state) == ("filed", "staged")
    assert ach.entry_of(late).effective_on == D(2026, 2, 4)


def test_the_cut_off_builds_by_itself_on_banking_days(desk):
    ach.debit(desk)
    files.build_due()
    assert not AchFile.objects.exists()
    ach.at(D(2026, 2, 2))
    files.build_due()
    assert AchFile.objects.get().entry_count == 1
    ach.debit(desk)
    ach.at(D(2026, 2, 7))  # a Saturday
    files.build_due()
    assert AchFile.objects.count() == 1


def test_an_entry_that_missed_its_day_is_asked_for_the_earliest(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 13))  # a Friday before Presidents' Day
    build(desk)
    assert ach.entry_of(payment).effective_on == D(2026, 2, 17)


def test_same_day_entries_settle_the_day_they_are_sent(house):
    desk = ach.open_desk(house, same_day=True)
    payment = ach.debit(desk)
    assert (ach.entry_of(payment).same_day, ach.entry_of(payment).effective_on) == (True, D(2026, 2, 2))
    ach.at(D(2026, 2, 2))
    assert ach.lines(ach.sent(desk))[1][69:75] == "260202"
    assert ach.settled(desk, payment, D(2026, 2, 2)).state == "succeeded"


def test_a_file_too_late_for_the_last_window_asks_for_the_next_day(house):
    desk = ach.open_desk(house, same_day=True, cut_off="17:30")
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2), dt.time(22, 0))  # 17:00 in New York, after 16:45
    build(desk)
    assert ach.entry_of(payment).effective_on == D(2026, 2, 3)


def test_entries_of_one_class_description_and_day_share_a_batch(house):
    desk = ach.open_desk(house)
    ach.debit(desk)
    ach.debit(desk)
    lines = ach.lines(build(desk))
    assert [line[0] for line in lines] == ["1", "5", "6", "6", "8", "9", "9", "9", "9", "9"]
    assert lines[4][:54] == "8225000002" + "0024200070" + "000001071800" + "000000000000" + "1234567890"


def test_an_account_that_was_removed_meanwhile_is_not_debited(desk):
    payment = ach.debit(desk)
    methods.remove(payment_method_id=payment.payment_method_id, actor=desk.house.me)
    assert build(desk) is None
    assert ach.entry_of(payment).state == "withdrawn"
    assert Payment.objects.get(pk=payment.id).state == "failed"
    assert Attempt.objects.get(payment=payment).state == "voided"


def test_one_account_that_cannot_be_opened_keeps_no_other_back(desk, monkeypatch):
    first, second = ach.debit(desk), ach.debit(desk)
    real = composing.method_use.account_number

    def broken(method):
        if method.id == first.payment_method_id:
            raise vault.CannotOpen("the key is gone")
        return real(method)

    monkeypatch.setattr(composing.method_use, "account_number", broken)
    assert build(desk).entry_count == 1
    assert (ach.entry_of(first).state, ach.entry_of(second).state) == ("withdrawn", "filed")


def test_a_charge_is_let_go_before_its_file_and_not_after(desk):
    gateway = accounts.gateway_of(desk.account)
    first, second = ach.debit(desk), ach.debit(desk)
    reference = first.attempts.get().id
    assert gateway.void(desk.account.merchant, reference).status is Status.VOIDED
    assert gateway.fetch(desk.account.merchant, reference).status is Status.VOIDED
    assert build(desk).entry_count == 1
    assert gateway.void(desk.account.merchant, second.attempts.get().id).status is Status.PENDING
    assert gateway.fetch(desk.account.merchant, "att_unheard_of").status is Status.NOT_FOUND


def test_a_charge_sent_twice_is_one_entry(desk):
    payment = ach.debit(desk)
    attempt = payment.attempts.get()
    gateway = accounts.gateway_of(desk.account)

    charge = Charge(attempt.id, desk.account.merchant, Money(535_900), "ach", payment.payment_method_id, sec_code="PPD")
    assert gateway.charge(charge).status is Status.PENDING
    assert AchEntry.objects.count() == 1


def test_a_file_the_bank_did_not_take_moved_no_money(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    file = ach.sent(desk)
    files.mark_rejected(file_id=file.id, reason="Wrong immediate origin", actor=desk.house.me)
    assert ach.entry_of(payment).state == "rejected"
    assert Payment.objects.get(pk=payment.id).state == "failed"
    assert Attempt.objects.get(payment=payment).outcome_code == "rejected"
    with pytest.raises(IllegalTransition):
        files.mark_accepted(file_id=file.id, actor=desk.house.me)


def test_a_file_whose_entries_settled_is_not_rejected_any_more(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    file = ach.sent(desk)
    files.mark_accepted(file_id=file.id, actor=desk.house.me)
    ach.settled(desk, payment, D(2026, 2, 3))
    with pytest.raises(IllegalTransition):
        files.mark_rejected(file_id=file.id, reason="Too late", actor=desk.house.me)


def test_only_who_may_write_payments_of_the_organization_builds_and_sends(desk):
    ach.debit(desk)
    with pytest.raises(Forbidden):
        build(desk, bank.acting(desk.house.operator, "viewer"))
    with pytest.raises(NotFound):
        build(desk, bank.acting(world.organization("mga")))


def test_settings_that_no_file_can_be_written_with_are_named(house):
    desk = ach.open_desk(house, odfi_routing="121000359")
    payment = ach.debit(desk)
    attempt = Attempt.objects.get(payment=payment)
    assert (attempt.state, attempt.outcome_message) == ("planned", "The setting odfi_routing is no routing number.")
    with pytest.raises(terms.TermsUnusable, match="odfi_routing"):
        build(desk)


def test_a_debit_without_leave_is_refused_at_the_desk(desk):
    payment = ach.debit(desk)

    mandates.revoke(mandate_id=Mandate.objects.get().id, reason="by letter", actor=desk.house.me)
    gateway = accounts.gateway_of(desk.account)
    charge = Charge("att_x", desk.account.merchant, Money(100), "ach", payment.payment_method_id)
    assert gateway.charge(charge).code == "no_mandate"
    assert gateway.charge(Charge("att_y", desk.account.merchant, Money(100), "ach", "pmt_none")).code == "no_account"


def test_a_day_has_36_files_at_most(desk):
    assert composing.MODIFIERS[:3] + composing.MODIFIERS[-1] == "ABC9"
    for number, modifier in enumerate(composing.MODIFIERS):
        AchFile.objects.create(
            organization=desk.house.operator, account=desk.account, direction="out", kind="origination", name="x",
            file_date=D(2026, 2, 2), modifier=modifier, content_sealed="x", content_hash=str(number), state="built",
        )  # fmt: skip
    ach.debit(desk)
    with pytest.raises(composing.TooManyFiles):
        build(desk)


def test_payouts_are_a_file_s_debits_and_a_day_s_returns(desk):

    first, second = ach.debit(desk), ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, first, D(2026, 2, 3))
    ach.at(D(2026, 2, 4))
    ach.received(desk, ach_bank.returned(ach.entry_of(second).trace_number, "R01", 535_900))
    gateway = accounts.gateway_of(desk.account)
    ach.at(D(2026, 2, 5))
    came, back = gateway.payouts(desk.account.merchant, D(2026, 2, 1))
    assert (came.reference, came.net.amount_minor, came.paid_on) == (
        "1234567890-20260202-A 2026-02-03 debits", 1_071_800, D(2026, 2, 3),
    )  # fmt: skip
    assert [line.kind for line in came.lines] == ["charge", "charge"]
    assert (back.net.amount_minor, back.paid_on, back.lines[0].kind) == (-535_900, D(2026, 2, 4), "return")
    assert back.reference == f"{AchFile.objects.get(direction='in').id} 2026-02-04 returns"

    settlement.import_payouts(account_id=desk.account.id, since=D(2026, 2, 1), actor=desk.house.me)
    assert books.balance(desk.house, "processor_clearing") == 0
    assert books.balance(desk.house, "trust_cash") == 535_900


def test_returns_that_come_late_are_paid_out_all_the_same(desk):
    payments = [ach.debit(desk), ach.debit(desk)]
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, payments[0], D(2026, 2, 3))
    for day, payment in zip((5, 6), payments, strict=True):
        ach.at(D(2026, 2, day))
        back = ach_bank.returned(ach.entry_of(payment).trace_number, "R01", 535_900)
        ach.received(desk, back, on=D(2026, 2, 4), name=str(day))
        settlement.import_payouts(account_id=desk.account.id, since=D(2026, 2, 1), actor=desk.house.me)
    assert books.balance(desk.house, "processor_clearing") == 0
    assert books.balance(desk.house, "trust_cash") == 0


def test_a_file_of_which_something_is_undecided_is_not_paid_out_yet(desk, monkeypatch):
    monkeypatch.setattr(settling, "CHUNK", 1)
    payments = [ach.debit(desk), ach.debit(desk)]
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.at(D(2026, 2, 4))
    settling.settle_due(limit=1)
    gateway = accounts.gateway_of(desk.account)
    assert gateway.payouts(desk.account.merchant, D(2026, 2, 1)) == []
    settling.settle_due()
    (payout,) = gateway.payouts(desk.account.merchant, D(2026, 2, 1))
    assert len(payout.lines) == len(payments)


def test_a_payment_asks_for_itself_when_nobody_told_it(desk, monkeypatch):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    monkeypatch.setattr("payments.ach.telling.tell", lambda entry: None)
    assert ach.settled(desk, payment, D(2026, 2, 3)).state == "processing"
    clock.advance(dt.timedelta(hours=13))
    attempts.sweep()
    assert Payment.objects.get(pk=payment.id).state == "succeeded"


def test_more_entries_than_a_chunk_settle_and_tell_their_payments(desk, monkeypatch):
    monkeypatch.setattr(settling, "CHUNK", 2)
    payments = [ach.debit(desk) for _ in range(5)]
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.at(D(2026, 2, 3))
    assert settling.settle_due() == 5
    assert {Payment.objects.get(pk=payment.id).state for payment in payments} == {"succeeded"}


def test_a_file_of_one_account_touches_no_entry_of_another(desk, house):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    other = accounts.open_account(
        gateway="nacha", merchant="second", bank_account_id=house.bank.id, settings=desk.account.settings,
        actor=house.me,
    )  # fmt: skip
    trace = ach.entry_of(payment).trace_number
    ach.received(ach.Desk(house, other), ach_bank.returned(trace, "R01", 535_900))
    assert ach.entry_of(payment).state == "filed"


def test_a_file_is_built_with_as_many_queries_however_many_entries_it_holds(desk):
    counts = []
    for number in (1, 2, 6):
        for _ in range(number):
            ach.debit(desk)
        with CaptureQueriesContext(connection) as seen:
            assert build(desk).entry_count == number
        counts.append(len(seen))
    assert counts[1] == counts[2]  # the first file looks up no trace number before it


@pytest.mark.django_db(transaction=True)
def test_two_builds_at_once_make_one_file(desk):
    ach.debit(desk)
    built = at_once(*[lambda: build(desk)] * 4)
    assert sum(isinstance(one, AchFile) for one in built) == 1
    assert [one for one in built if one is not None and not isinstance(one, AchFile | Busy)] == []
    assert AchFile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_charge_let_go_while_its_file_is_built_is_either_in_it_or_withdrawn(desk):
    payment = ach.debit(desk)
    gateway, reference = accounts.gateway_of(desk.account), payment.attempts.get().id
    at_once(lambda: build(desk), lambda: gateway.void(desk.account.merchant, reference))
    entry = ach.entry_of(payment)
    assert (entry.state, AchFile.objects.count()) in [("filed", 1), ("withdrawn", 0)]


@pytest.mark.parametrize(("minor", "same_day"), [(100_000_000, True), (100_000_001, False)])
def test_same_day_ends_at_a_million_an_entry(house, minor, same_day):
    desk = ach.open_desk(house, same_day=True)
    method = paying.mandated(house, books.bound(house), given="paper", evidence="Folder 7")
    gateway = accounts.gateway_of(desk.account)
    gateway.charge(Charge("att_large", desk.account.merchant, Money(minor), "ach", method.id))
    entry = AchEntry.objects.get(reference="att_large")
    assert (entry.same_day, entry.effective_on) == (same_day, D(2026, 2, 2) if same_day else D(2026, 2, 3))


def test_an_entry_moves_something_and_no_more_than_its_columns_hold(desk):
    method = paying.mandated(desk.house, books.bound(desk.house), given="paper", evidence="Folder 7")
    gateway = accounts.gateway_of(desk.account)
    said = [
        gateway.charge(Charge(f"att_{minor}", desk.account.merchant, Money(minor), "ach", method.id)).code
        for minor in (0, 10**10, 10**10 - 1)
    ]
    assert said == ["amount", "amount", "staged"]
