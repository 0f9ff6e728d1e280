"""Pages and API of ACH files, as people and programs use them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import AuditEntry
from compliance.permissions import ROLE_PERMISSIONS, Permission
from payments.models import AchFile, AchNews, Payment
from tests.support import ach, ach_bank, world
from tests.support.world import Api

pytestmark = pytest.mark.django_db
D = dt.date


@pytest.fixture
def desk(house):
    return ach.open_desk(house)


@pytest.fixture
def finance(desk):
    return world.pages(world.member(desk.house.operator, "finance"))


@pytest.fixture
def viewer(desk):
    return world.pages(world.member(desk.house.operator, "viewer"))


def text(answer) -> str:
    return answer.content.decode()


def test_the_list_says_what_waits_and_a_file_is_built_sent_and_downloaded(desk, finance):
    ach.debit(desk)
    assert "1 entry of nacha" in text(finance.get("/ach/"))
    answer = finance.post("/ach/build/", {"account": desk.account.id})
    file = AchFile.objects.get()
    assert answer["Location"] == f"/ach/{file.id}/"
    page = text(finance.get(f"/ach/{file.id}/"))
    assert "1234567890-20260202-A" in page
    assert "Aloha Foods" in page
    assert "000123456789" not in page
    download = finance.post(f"/ach/{file.id}/download/")
    assert download["Content-Disposition"] == 'attachment; filename="1234567890-20260202-A.ach"'
    assert b"000123456789" in download.content
    assert AuditEntry.objects.filter(action="ach_file.open", object_id=file.id).count() == 1
    finance.post(f"/ach/{file.id}/sent/")
    assert AchFile.objects.get().state == "sent"
    again = finance.post("/ach/build/", {"account": desk.account.id})
    assert (again.status_code, "Nothing waits" in text(again)) == (422, True)


def test_who_may_only_look_neither_downloads_nor_builds(desk, viewer, finance):
    ach.debit(desk)
    finance.post("/ach/build/", {"account": desk.account.id})
    file = AchFile.objects.get()
    page = text(viewer.get(f"/ach/{file.id}/"))
    assert "Download" not in page
    assert [viewer.post(f"/ach/{file.id}/{what}/").status_code for what in ("download", "sent", "rejected")] == [
        403
    ] * 3
    assert viewer.get("/ach/receive/").status_code == 403


def test_a_file_from_the_bank_shows_what_waits_and_a_person_decides_it(desk, finance):
    content = ach_bank.file([ach_bank.returned("121000359999999", "R01", 100)])
    upload = SimpleUploadedFile("returns.ach", content)
    answer = finance.post("/ach/receive/", {"account": desk.account.id, "file": upload}, follow=True)
    page = text(answer)
    assert "0 applied, 1 in quarantine" in page
    assert "No entry of this account has the trace number 121000359999999." in page
    row = AchNews.objects.get()
    assert "returns.ach" in text(finance.get("/ach/?show=waiting"))
    work = {kind.label: kind.count for kind in finance.get("/").context["worklists"]}
    assert work["ACH files with news set aside"] == 1
    finance.post(f"/ach-news/{row.id}/decide/", {"reason": "Of the old system."})
    assert "Of the old system." in text(finance.get(f"/ach/{row.file_id}/"))
    assert "returns.ach" not in text(finance.get("/ach/?show=waiting"))


def test_a_rejected_file_fails_its_payments(desk, finance):
    payment = ach.debit(desk)
    finance.post("/ach/build/", {"account": desk.account.id})
    file = AchFile.objects.get()
    assert finance.get(f"/ach/{file.id}/rejected/").status_code == 200
    finance.post(f"/ach/{file.id}/rejected/", {"reason": "Wrong origin"})
    assert Payment.objects.get(pk=payment.id).state == "failed"


def test_a_settled_debit_is_reversed_from_its_file(desk, finance):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, payment, D(2026, 2, 3))
    entry = ach.entry_of(payment)
    assert f"/ach-entries/{entry.id}/reverse/" in text(finance.get(f"/ach/{entry.file_id}/"))
    answer = finance.post(f"/ach-entries/{entry.id}/reverse/", {"why": "duplicate", "note": "Keyed twice"})
    assert answer["Location"] == f"/ach/{entry.file_id}/"
    assert entry.reversed_by.description == "REVERSAL"


def test_rates_above_what_the_rules_tolerate_stand_out(desk, finance):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, payment, D(2026, 2, 3))
    ach.received(desk, ach_bank.returned(ach.entry_of(payment).trace_number, "R10", 535_900))
    page = text(finance.get("/ach/rates/"))
    assert "Unauthorized returns are above the 0.5%" in page
    assert "100.00%" in page


def test_the_api_builds_opens_sends_receives_and_tells(desk):
    payment = ach.debit(desk)
    api = Api(world.token(desk.house.operator))
    assert api.post("ach-files", {"account": "gwa_none"}).status_code == 404
    made = api.post("ach-files", {"account": desk.account.id}).json()
    assert (made["entry_count"], made["debit_minor"], made["state"]) == (1, 535_900, "built")
    assert "content" not in str(made).replace("content_hash", "")
    opened = api.post(f"ach-files/{made['id']}/open", {}).json()
    assert opened["name"] == "1234567890-20260202-A.ach"
    assert opened["content"].startswith("101 121000358")
    assert api.post("ach-files", {"account": desk.account.id}).json()["code"] == "nothing_staged"
    assert api.post(f"ach-files/{made['id']}/mark-sent", {}).json()["state"] == "sent"
    entry = api.get(f"ach-entries?reference={payment.attempts.get().id}").json()["data"][0]
    assert (entry["state"], entry["trace_number"]) == ("filed", "121000350000001")
    assert "000123456789" not in str(entry)
    content = ach_bank.file([ach_bank.returned("121000350000001", "R01", 535_900)])
    upload = {"account": desk.account.id, "file": SimpleUploadedFile("r.ach", content)}
    got = api.post("received-ach-files", upload, format="multipart").json()
    assert got["result"] == "1 applied, 0 in quarantine"
    assert api.get(f"ach-news?file={got['id']}").json()["data"][0]["code"] == "R01"
    rates = api.get("ach-return-rates").json()
    assert [(rate["rate"], rate["returned"]) for rate in rates][2] == ("overall", 0)


def test_a_key_that_only_reads_opens_nothing(desk):
    ach.debit(desk)
    Api(world.token(desk.house.operator)).post("ach-files", {"account": desk.account.id})
    reading = Api(world.token(desk.house.operator, *(Permission(p) for p in ROLE_PERMISSIONS["viewer"])))
    file = AchFile.objects.get()
    assert reading.get(f"ach-files/{file.id}").status_code == 200
    assert reading.post(f"ach-files/{file.id}/open", {}).status_code == 403


def test_pages_take_the_same_queries_for_few_and_many_entries(desk, finance):
    counts = []
    for number in (1, 4):
        for _ in range(number):
            ach.debit(desk)
        finance.post("/ach/build/", {"account": desk.account.id})
        file = AchFile.objects.filter(direction="out").first()
        rows = [ach_bank.returned("121000359999999", "R01", n, sequence=n) for n in range(1, number + 1)]
        ach.received(desk, *rows, name=str(number))
        back = AchFile.objects.filter(direction="in").first()
        counts.append([asked(finance, path) for path in ("/ach/", f"/ach/{file.id}/", f"/ach/{back.id}/")])
    assert counts[0] == counts[1]


def asked(client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)
