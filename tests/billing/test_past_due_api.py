"""Past due money over the API: plans, a delinquency's story, a notice mailed with proof, and who may do it."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.permissions import Permission
from policies.models import Policy
from tests.support import late, world
from tests.support.books import House
from tests.support.late import NOTICED, at, may, nights
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(house: House) -> Policy:
    late.settle_rules(house)
    return late.policy(house)


@pytest.fixture
def api(house: House) -> Api:
    with at(NOTICED):
        return world.api(house.operator)


def read(answer: Any) -> Any:
    return answer.json()


def test_a_plan_is_published_and_a_wrong_one_is_refused_by_its_key(house: House, api: Api) -> None:
    asked = {"code": "default", "spec": late.FOLLOW, "effective_from": "2026-01-01"}
    with at(NOTICED):
        made = api.post("delinquency-plans", asked)
        wrong = api.post("delinquency-plans", {**asked, "spec": {"steps": []}})
        listed = read(api.get("delinquency-plans"))
    assert (made.status_code, read(made)["number"]) == (201, 1)
    assert (wrong.status_code, read(wrong)["code"]) == (422, "delinquency_plan_unreadable")
    assert [row["code"] for row in listed["data"]] == ["default"]


def test_a_delinquency_shows_what_was_done_and_what_is_next(house: House, policy: Policy, api: Api) -> None:
    nights(policy, may(2), may(5), house)
    with at(may(5)):
        (row,) = read(api.get("delinquencies", policy=policy.id))["data"]
        one = read(api.get(f"delinquencies/{row['id']}"))
    assert [step["action"] for step in one["steps"]] == ["reminder", "late_fee"]
    assert (one["next_action"], one["next_on"], one["past_due_minor"]) == ("notice", "2026-05-06", 40_000)


def test_advancing_by_hand_makes_the_notice_and_mailing_it_announces_the_end(
    house: House, policy: Policy, api: Api
) -> None:
    nights(policy, may(2), may(5), house)
    found = late.followed(policy).id
    with at(NOTICED):
        assert api.post(f"delinquencies/{found}/advance").status_code == 200
        assert api.post(f"delinquencies/{found}/advance").status_code == 200
        (notice,) = read(api.get("notices", kind="cancellation"))["data"]
        proof = {"method": "certificate", "mailed_on": "2026-05-06", "proof_reference": "PS3817-1"}
        mailed = read(api.post(f"notices/{notice['id']}/mail", proof))
        why = read(api.get(f"delinquencies/{found}/why"))
    assert (mailed["state"], mailed["cancel_on"], mailed["demanded_minor"]) == ("mailed", "2026-05-19", 40_000)
    assert [each["recipient"] for each in mailed["mailings"]] == ["Insured: Aloha Foods"]
    assert {each["figure"] for each in why} == {"past_due", "demanded", "equity_date", "cancel_date"}
    assert late.is_pending(policy)
    with at(may(8)):
        void = read(api.post(f"notices/{notice['id']}/void", {"reason": "Wrong address."}))
        waits = read(api.get(f"delinquencies/{found}"))
        api.post(f"delinquencies/{found}/decide", {"choice": "close", "reason": "Settled."})
        closed = read(api.get(f"delinquencies/{found}"))
    assert (void["state"], closed["state"]) == ("void", "closed")
    assert "decide how to go on" in waits["needs_decision"]


def test_hold_release_and_promise(house: House, policy: Policy, api: Api) -> None:
    nights(policy, may(2), may(3), house)
    at_it = f"delinquencies/{late.followed(policy).id}"
    with at(may(3)):
        held = read(api.post(f"{at_it}/hold", {"until": "2026-05-10", "reason": "A dispute."}))
        again = api.post(f"{at_it}/hold", {"until": "2026-05-10", "reason": "A dispute."})
        free = read(api.post(f"{at_it}/release", {}))
        promised = read(api.post(f"{at_it}/promise", {"amount": "400.00", "pay_by": "2026-05-10"}))
    assert (held["state"], held["held_until"], again.status_code) == ("held", "2026-05-10", 409)
    assert (free["state"], promised["state"], promised["promised_minor"]) == ("active", "held", 40_000)


def test_reading_does_not_let_act_and_others_see_nothing(house: House, policy: Policy, api: Api) -> None:
    nights(policy, may(2), may(3), house)
    found = late.followed(policy).id
    with at(may(3)):
        reader = world.api(house.operator, Permission.BILLING_READ)
        stranger = world.api(world.organization("mga"))
        assert reader.get(f"delinquencies/{found}").status_code == 200
        assert reader.post(f"delinquencies/{found}/advance").status_code == 403
        assert stranger.get(f"delinquencies/{found}").status_code == 404
        assert stranger.post(f"delinquencies/{found}/advance").status_code == 404
