"""The pages of who pays: opening accounts, attaching policies, splitting a policy, and the bill of an account."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from billing import accounts, queries
from billing.models import BillingAccount, PayorShare
from policies import parties, renewals
from policies.models import Policy
from policies.parties import PartyDetails
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


def client_of(house: House, role: str = "billing") -> Any:
    return world.pages(world.member(house.operator, role))


def opened(house: House, number: str = "A-1", name: str = "Hui Holdings") -> BillingAccount:
    payor = parties.create(details=PartyDetails(reference=f"PAY-{number}", name=name), actor=house.me)
    return accounts.open_account(number=number, payor_id=payor.id, mode="account_bill", actor=house.me)


def shares_of(policy: Policy) -> dict[str, int]:
    rows = PayorShare.objects.filter(policy=policy, ended_at__isnull=True)
    return {share.account.number: share.share_ppm for share in rows.select_related("account")}


def test_an_account_is_opened_for_a_party_by_name_and_its_policies_are_billed_on_its_page(house: House) -> None:
    parties.create(details=PartyDetails(reference="HH-1", name="Hui Holdings"), actor=house.me)
    policy, client = books.bound(house), client_of(house)
    typed = {"number": "HUI-1", "payor": "hui holdings", "mode": "account_bill", "due_day": "15", "currency": "usd"}
    page = read(client.post(reverse("billing:open-account"), typed, follow=True))
    assert "Account HUI-1 is open." in page.text and "due on day 15" in page.text
    account = BillingAccount.objects.get(number="HUI-1")
    client.post(reverse("billing:attach", args=[account.id]), {"policies": f"{policy.number},\n"})
    assert shares_of(policy) == {"HUI-1": 1_000_000}
    page = read(client.get(reverse("billing:account", args=[account.id])))
    assert policy.number in page.links and "100%" in page.text
    page = read(client.post(reverse("billing:issue-bill", args=[account.id]), follow=True))
    assert "Bill HUI-1-001 is issued" in page.text


def test_a_policy_is_split_between_insured_and_mortgagee(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    opened(house), opened(house, "M-1", "First Mortgage Bank")
    typed = {"account_1": "A-1", "share_1": "60", "account_2": "m-1", "share_2": "40"}
    page = read(client.post(reverse("billing:payors", args=[policy.id]), typed, follow=True))
    assert shares_of(policy) == {"A-1": 600_000, "M-1": 400_000}
    assert "60%" in page.text and "40%" in page.text
    assert client.get(reverse("billing:payors", args=[policy.id])).context["form"]["share_1"].value() == "60"
    client.post(reverse("billing:payors", args=[policy.id]), {})
    assert shares_of(policy) == {}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"account_1": "A-1", "share_1": "99.9999"}, "share_1"),
        ({"account_1": "A-1"}, "share_1"),
        ({"share_1": "100"}, "account_1"),
        ({"account_1": "A-1", "share_1": "50", "account_2": "A-1", "share_2": "50"}, "account_2"),
        ({"account_1": "A-1", "share_1": "60", "account_2": "nobody", "share_2": "40"}, "account_2"),
    ],
)
def test_shares_that_do_not_fit_are_refused_at_their_field(house: House, typed: dict[str, str], field: str) -> None:
    policy = books.bound(house)
    opened(house)
    answer = client_of(house).post(reverse("billing:payors", args=[policy.id]), typed)
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert shares_of(policy) == {}


def test_an_account_that_cannot_be_opened_says_why_at_its_field(house: House) -> None:
    account, client = opened(house), client_of(house)
    right = {"number": "A-2", "payor": account.payor.reference, "mode": "separate", "due_day": "", "currency": "USD"}
    for wrong, field in (
        ({"number": "A-1"}, "number"), ({"payor": "nobody"}, "payor"), ({"due_day": "32"}, "due_day"),
        ({"currency": "XXX"}, "currency"),
    ):  # fmt: skip
        answer = client.post(reverse("billing:open-account"), {**right, **wrong})
        assert answer.status_code == 422 and field in answer.context["form"].errors, wrong
    attach = reverse("billing:attach", args=[account.id])
    assert "policies" in client.post(attach, {"policies": "nobody"}).context["form"].errors


def test_who_may_not_bill_is_refused_and_strangers_find_nothing(house: House) -> None:
    policy, account = books.bound(house), opened(house)
    viewer, stranger = client_of(house, "viewer"), world.pages(world.member(world.organization(), "billing"))
    assert viewer.get(reverse("billing:open-account")).status_code == 403
    for url in (reverse("billing:attach", args=[account.id]), reverse("billing:payors", args=[policy.id])):
        assert viewer.post(url, {}).status_code == 403
        assert stranger.get(url).status_code == 404
    assert reverse("billing:open-account") not in str(viewer.get(reverse("billing:accounts")).content)


def test_an_offered_renewal_counts_apart_until_it_is_accepted(house: House) -> None:
    """10,718.00 is charged for the first term; the renewal of the same premium stands beside it."""
    policy = books.bound(house)
    client = client_of(house)
    before = queries.balance_of(policy)
    typed = {"premium": "10,000.00", "plan": "halves", "expires_on": ""}
    shown = client.post(reverse("offer-renewal", args=[policy.id]), typed)
    client.post(reverse("offer-renewal", args=[policy.id]), {**typed, "confirm": shown.context["confirm"]})
    offered = queries.balance_of(policy)
    assert (before.charged_minor, before.offered_minor) == (1_071_800, 0)
    assert (offered.charged_minor, offered.unbilled_minor) == (before.charged_minor, before.unbilled_minor)
    assert offered.offered_minor > 1_000_000
    assert "renewal offered" in read(client.get(reverse("policy", args=[policy.id]))).text
    renewals.decline(policy_id=policy.id, reason="Went elsewhere", actor=house.me)
    assert queries.balance_of(policy).offered_minor == 0
    assert queries.balance_of(policy).charged_minor == 1_071_800
