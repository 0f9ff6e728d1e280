"""No card number gets in: wherever a request holds one it is refused by place, and nothing of it is kept or logged."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import ApiKey
from coverpay.api.models import IdempotentRequest
from payments.models import InboundEvent
from policies import imports
from policies.models import PolicyImport
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db
NUMBER = "4242 4242 4242 4242"
DIGITS = NUMBER.replace(" ", "")
NEW = {"name": "once", "scopes": ["policies.read"], "days": 10}


def refused(answer: Any, place: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "card_number_refused", place)
    assert DIGITS not in answer.content.decode().replace(" ", "").replace("-", "")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**NEW, "name": f"card {NUMBER}"}, "name"),
        ({**NEW, "days": int(DIGITS)}, "days"),
        ({**NEW, "scopes": ["policies.read", DIGITS]}, "scopes.1"),
        ({**NEW, "more": {"deep": [{"er": "4242-4242-4242-4242"}]}}, "more.deep.0.er"),
        ({**NEW, DIGITS: "x"}, "3"),
    ],
)
def test_json_is_refused_by_the_path_to_it(body: dict[str, Any], place: str) -> None:
    refused(world.api(world.organization()).post("api-keys", body), place)
    assert not ApiKey.objects.filter(name__startswith="card").exists()
    assert not IdempotentRequest.objects.exists()


def test_headers_query_address_and_broken_json_are_refused_too() -> None:
    api = world.api(world.organization())
    refused(api.post("api-keys", NEW, key=DIGITS), "Idempotency-Key")
    refused(api.get("policies", number=NUMBER), "number")
    refused(api.get(f"policies/{DIGITS}"), "address")
    headers = {"Idempotency-Key": "k"}
    refused(api.client.post("/v1/api-keys", f"{{{DIGITS}", content_type="application/json", headers=headers), "body")
    refused(api.client.post("/v1/api-keys", DIGITS, content_type="text/plain", headers=headers), "body")
    assert not IdempotentRequest.objects.exists()


def test_a_form_and_the_name_of_a_file_are_refused(house: House) -> None:
    api = world.api(house.operator)
    file = SimpleUploadedFile(f"{DIGITS}.csv", b"policy_number\n")
    refused(api.post("policy-imports", {"file": file}, format="multipart"), "file")
    assert not PolicyImport.objects.exists()


def test_a_stranger_who_sends_one_is_refused_before_anything_else() -> None:
    refused(Client().post("/v1/payments", {"token": DIGITS}, content_type="application/json"), "token")


def test_pages_say_the_field_and_never_show_it_again(house: House) -> None:
    invoice, client = books.billed(house), world.pages(world.member(house.operator))
    for answer in (
        client.post(reverse("payments:refund", args=[books.paid(house, invoice).id]), {"reason": f"was {NUMBER}"}),
        client.get(reverse("payments:list"), {"q": NUMBER}),
        client.get(f"/payments/{DIGITS}/"),
    ):
        assert answer.status_code == 422
        assert "looks like a card number" in read(answer).text
        assert "4242" not in answer.content.decode()


def test_policy_numbers_ids_and_a_bank_account_pass(house: House) -> None:
    api = world.api(house.operator)
    assert api.get("policies", number="HO4242424242424242").status_code == 200
    assert api.post("api-keys", NEW, key="0190d5f1-4242-4242-8242-424242424242").status_code == 201


def test_a_webhook_of_a_processor_is_left_as_it_came(house: House) -> None:
    answer = Client().post(f"/hooks/{house.account.id}/", {"note": DIGITS}, content_type="application/json")
    assert answer.json()["code"] != "card_number_refused"
    assert not InboundEvent.objects.exists()  # it was not signed


def test_a_cell_of_an_import_is_refused_by_its_row_and_nothing_of_it_is_kept(house: House) -> None:
    header = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan"
    lines = [header, "P-1,hi,INS-1,Aloha Foods,HI,2026-01-31,2027-01-31,10000.00,halves",
             f"P-2,hi,INS-2,Card {NUMBER},HI,2026-01-31,2027-01-31,{DIGITS},halves"]  # fmt: skip
    done = imports.import_policies(file=io.BytesIO("\n".join(lines).encode()), file_name="a.csv", actor=house.me)
    assert [(problem["row"], problem["code"]) for problem in done.problems] == [(3, "card_number_refused")]
    assert "4242" not in str(done.problems)
    named = imports.import_policies(file=io.BytesIO(f"{DIGITS}\n1\n".encode()), file_name="b.csv", actor=house.me)
    assert named.state == "refused" and DIGITS not in str(named.problems)


@pytest.fixture
def lines() -> Any:
    """What the log handler writes, as one text."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    how = dict(settings.LOGGING["formatters"]["json"])
    handler.setFormatter(how.pop("()")(**how))
    log = logging.getLogger("tests.masking")
    log.addHandler(handler)
    yield log, written
    log.removeHandler(handler)


def test_a_log_line_holds_no_card_or_account_number_and_stays_json(lines: Any) -> None:
    log, written = lines
    log.warning("token %s refused", NUMBER, extra={"account_number": "000123456789", "seen": [int(DIGITS)]})
    structlog.get_logger("tests.masking").warning("said", words=f"pay {DIGITS}", about={"pan": DIGITS, "n": 5})
    log.warning("account number 000123456789 was wrong")
    first, second, third = (json.loads(line) for line in written.getvalue().splitlines())
    assert first["event"] == "token **** **** **** 4242 refused"
    assert (first["account_number"], first["seen"]) == ("[hidden]", ["************4242"])
    assert (second["words"], second["about"]) == ("pay ************4242", {"pan": "[hidden]", "n": 5})
    assert third["event"] == "account number ********6789 was wrong"


def test_a_traceback_is_masked_too(lines: Any) -> None:
    log, written = lines
    try:
        raise ValueError(f"cannot read {NUMBER}")
    except ValueError:
        log.exception("failed")
        structlog.get_logger("tests.masking").exception("failed")
    assert "**** **** **** 4242" in written.getvalue() and "4242 4242" not in written.getvalue()
