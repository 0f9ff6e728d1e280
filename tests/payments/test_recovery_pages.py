"""Recovery in the back office and by API: a plan is checked, previewed and published; a case shows both clocks."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.urls import reverse

from coverpay.kernel import clock
from payments import recovery_plans, recovery_queries, recovery_versions
from payments.models import RecoveryPlan
from tests.support import books, late, recovering, world
from tests.support.books import House
from tests.support.late import at, may
from tests.support.recovering import failed, fresh, work

pytestmark = pytest.mark.django_db


def test_a_plan_is_previewed_before_it_is_published(house: House) -> None:
    browser = world.pages(world.member(house.operator, "admin"))
    url = reverse("payments:publish-recovery-plan")
    typed = {"program": "", "effective_from": "2026-02-02", "spec": json.dumps(recovery_plans.STANDARD)}
    shown = browser.post(url, typed)
    assert "Fri 2026-02-06 09:00" in shown.content.decode()
    assert not RecoveryPlan.objects.exists()
    done = browser.post(url, {**typed, "confirm": shown.context["confirm"]})
    assert done.status_code == 302
    assert RecoveryPlan.objects.get().spec == recovery_plans.STANDARD
    assert json.loads(browser.get(url).context["form"].initial["spec"]) == recovery_plans.STANDARD


@pytest.mark.parametrize("spec", ["no json", "{}", '{"classes": {"hard": [{"do": "retry"}]}}'])
def test_a_plan_that_cannot_be_read_is_refused_beside_the_field(house: House, spec: str) -> None:
    browser = world.pages(world.member(house.operator, "admin"))
    answer = browser.post(
        reverse("payments:publish-recovery-plan"), {"effective_from": "2026-02-02", "spec": spec, "program": ""}
    )
    assert answer.status_code == 422
    assert answer.context["form"].errors["spec"]


def test_a_program_has_its_own_plan_and_a_case_keeps_the_version_it_began_with(house: House) -> None:
    everyone = recovering.plan(house)
    invoice = books.billed(house)
    program = invoice.policy.program_id
    own = recovery_versions.publish(
        spec=recovering.PLAN, effective_from=books.SINCE, program_id=program, actor=house.me
    )
    assert (everyone.number, own.number) == (1, 1)
    case = failed(house, invoice)
    assert case.plan_id == own.id
    later = recovery_versions.publish(
        spec={**recovering.PLAN, "at": "10:00"}, effective_from=dt.date(2026, 2, 3), program_id=program, actor=house.me
    )
    assert later.number == 2
    clock.advance(dt.timedelta(days=1))
    work()
    assert recovering.steps(case)[-1] == "retry 02-06 planned"
    assert recovering.last_step(case).due_at.hour == 14  # 9 in New York, as the first version says
    again = recovery_versions.publish(
        spec={**recovering.PLAN, "at": "10:00"}, effective_from=dt.date(2026, 2, 3), program_id=program, actor=house.me
    )
    assert again.id == later.id


def test_one_timeline_has_both_clocks(house: House) -> None:
    """DOMAIN.md's story: reminder 05-03, late fee 05-05, notice 05-06, cover ends 05-19."""
    late.settle_rules(house)
    policy = late.policy(house)
    recovering.plan(house, soft=[{"do": "retry", "after": {"days": 3}}, {"do": "hand_over", "after": {"days": 2}}])
    with at(may(2)):
        case = failed(house, policy.invoices.get(due_on=late.DUE))
    late.noticed(policy, house)
    with at(late.NOTICED):
        moments = recovery_queries.timeline(fresh(case))
        shown = world.pages(world.member(house.operator, "admin")).get(f"/recovery/{case.id}/").content.decode()
    said = [(f"{moment.at:%m-%d}", moment.clock, moment.title, moment.state) for moment in moments]
    assert said == [
        ("05-02", "recovery", "Payment failed", "done"),
        ("05-03", "cover", "Reminder", "done"),
        ("05-05", "cover", "Late fee", "done"),
        ("05-05", "recovery", "Try again", "planned"),
        ("05-06", "cover", "Notice of cancellation", "done"),
        ("05-07", "recovery", "Then: a person goes on", "expected"),
        ("05-19", "cover", "Next: Cancel", "planned"),
        ("05-19", "cover", "Cover ends", "planned"),
    ]
    assert "Both clocks" in shown and "2026-05-19" in shown


def test_the_worklist_shows_what_is_next_and_the_end_of_cover(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    row = recovery_queries.listed().get()
    assert (row.id, row.next_kind, f"{row.next_at:%m-%d}", row.cover_ends_on) == (case.id, "retry", "02-05", None)
    browser = world.pages(world.member(house.operator, "admin"))
    for address in ("/recovery/", "/recovery/plans/", "/messages/", f"/policies/{case.policy_id}/"):
        assert browser.get(address).status_code == 200
    assert "5,359.00" in browser.get("/recovery/", {"q": "Aloha"}).content.decode()
    assert browser.get("/recovery/", {"show": "recovered"}).context["page"].rows == []


def test_buttons_of_the_page_act_and_say_what_was_refused(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    browser = world.pages(world.member(house.operator, "admin"))
    browser.post(f"/recovery/{case.id}/hand-over/", {"reason": "Mine."})
    assert fresh(case).state == "with_person"
    browser.post(f"/recovery/{case.id}/take-back/")
    assert fresh(case).state == "open"
    browser.post(f"/recovery/{case.id}/retry/")
    refused = browser.post(f"/recovery/{case.id}/retry/", follow=True).content.decode()
    assert "wait for its outcome" in refused
    browser.post(f"/recovery/{case.id}/stop/", {"reason": "Agreed."})
    assert fresh(case).state == "stopped"


def test_the_api_tells_a_case_and_lets_it_be_acted_on(house: House) -> None:
    plan, api = recovering.plan(house), world.api(house.operator)
    case = failed(house)
    shown = api.get(f"recovery-cases/{case.id}").json()
    assert (shown["state"], shown["plan"], shown["steps"][0]["kind"]) == ("open", plan.id, "message")
    assert api.get(f"recovery-cases/{case.id}/timeline").json()[0]["title"] == "Payment failed"
    assert api.get(f"recovery-plans/{plan.id}/preview").json()[0]["failure_class"] == "soft"
    assert api.post(f"recovery-cases/{case.id}/hand-over", {"reason": "Mine."}).json()["state"] == "with_person"
    assert api.post(f"recovery-cases/{case.id}/retry").json()["state"] == "processing"
    assert api.post(f"recovery-cases/{case.id}/retry").status_code == 409
    new = api.post("recovery-plans", {"effective_from": "2026-03-01", "spec": recovery_plans.STANDARD})
    assert (new.status_code, new.json()["number"]) == (201, 2)


def test_a_payment_leads_to_the_case_that_follows_it_or_made_it(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    recovering.until("2026-02-05")
    browser = world.pages(world.member(house.operator, "admin"))
    for payment_id in (case.payment_id, recovering.retry_of(case).id):
        assert f"/recovery/{case.id}/" in browser.get(f"/payments/{payment_id}/").content.decode()
    paid = books.paid(house, books.billed(house))
    assert "followed by recovery" not in browser.get(f"/payments/{paid.id}/").content.decode()
