"""What a failure code means: by the rules data, by the gateway's words, and never by guess."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.rules import facts
from payments import failure_codes, failure_words
from payments.failure_codes import CLASSES, classify


@pytest.mark.parametrize("code", ["R01", "R09"])
def test_too_little_money_is_presented_again_twice_within_180_days(code: str) -> None:
    failure = classify("nacha", "ach", code)
    assert (failure.class_, failure.max_retries, failure.window_days, failure.represents) == ("soft", 2, 180, True)
    assert (failure.blocks_method, failure.ends_mandate) == (False, False)
    assert facts.fact(failure.fact_id).value["code"] == code
    assert failure.citation == "Nacha Operating Rules Appendix Four"


@pytest.mark.parametrize("code", ["R02", "R03", "R04", "R20"])
def test_an_account_that_is_not_there_needs_new_details(code: str) -> None:
    failure = classify("nacha", "ach", code)
    assert (failure.class_, failure.may_retry, failure.blocks_method, failure.ends_mandate) == (
        "details", False, True, False,
    )  # fmt: skip


@pytest.mark.parametrize("code", ["R05", "R07", "R10", "R29"])
def test_a_debit_nobody_authorized_ends_the_mandate(code: str) -> None:
    failure = classify("nacha", "ach", "returned", network_code=code)
    assert (failure.class_, failure.may_retry, failure.blocks_method, failure.ends_mandate) == (
        "hard", False, True, True,
    )  # fmt: skip


def test_of_all_return_codes_only_two_are_ever_tried_again_by_themselves() -> None:
    again = [code for table, code, failure in failure_codes.known_codes() if failure.may_retry and "ACH" in table]
    assert again == ["R01", "R09"]


@pytest.mark.parametrize("code", ["03", "14", "62", "78", "93"])
def test_where_the_sources_disagree_nothing_is_tried_again(code: str) -> None:
    """Also when the gateway's own word would allow it."""
    for word in ("card_declined", "do_not_honor"):
        assert not classify("stripe", "card", word, code).may_retry


@pytest.mark.parametrize(
    ("advice", "hours"),
    [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)],
)
def test_mastercard_says_how_long_to_wait(advice: str, hours: int) -> None:
    failure = classify("stripe", "card", "generic_decline", "51", advice, network="mastercard")
    assert (failure.wait, failure.max_retries, failure.window_days) == (dt.timedelta(hours=hours), 15, 30)


@pytest.mark.parametrize(("advice", "ends"), [("03", False), ("21", True)])
def test_advice_never_to_try_again_wins_over_a_soft_word(advice: str, ends: bool) -> None:
    failure = classify("stripe", "card", "insufficient_funds", "51", advice)
    assert (failure.class_, failure.may_retry, failure.lockout_days) == ("hard", False, 30)
    assert (failure.blocks_method, failure.ends_mandate) == (True, ends)


def test_mastercard_without_advice_is_not_tried_again_and_visa_is() -> None:
    assert not classify("stripe", "card", "insufficient_funds", "51", network="mastercard").may_retry
    assert classify("stripe", "card", "insufficient_funds", "51", network="visa").max_retries == 15


@pytest.mark.parametrize(
    ("code", "class_"),
    [("04", "hard"), ("R1", "hard"), ("51", "soft"), ("61", "limit"), ("91", "gateway"), ("54", "details")],
)
def test_a_response_of_the_card_network_has_the_class_of_its_category(code: str, class_: str) -> None:
    assert classify("authorizenet", "card", "2", code).class_ == class_


@pytest.mark.parametrize(
    ("gateway", "word", "class_"),
    [
        ("sandbox", "insufficient_funds", "soft"),
        ("sandbox", "expired_card", "details"),
        ("stripe", "lost_card", "hard"),
        ("stripe", "card_velocity_exceeded", "limit"),
        ("stripe", "issuer_not_available", "gateway"),
        ("authorizenet", "2", "soft"),
        ("authorizenet", "8", "details"),
        ("manual", "stop_payment", "hard"),
        ("nacha", "gateway_unreachable", "gateway"),
        ("nacha", "rejected", "gateway"),
    ],
)
def test_each_gateway_has_words_of_its_own(gateway: str, word: str, class_: str) -> None:
    assert classify(gateway, "card", word).class_ == class_


@pytest.mark.parametrize("method", ["card", "ach", "check"])
def test_a_code_nobody_knows_goes_to_a_person(method: str) -> None:
    failure = classify("stripe", method, "brand_new_reason", "Z9", "77")
    assert (failure.class_, failure.may_retry) == ("unknown", False)
    assert "'brand_new_reason', 'Z9', '77'" in failure.title


def test_a_bank_debit_is_presented_again_on_a_return_code_and_not_on_any_soft_word() -> None:
    assert classify("stripe", "ach", "insufficient_funds").represents
    assert not classify("stripe", "ach", "generic_decline").may_retry


def test_every_known_code_and_word_has_a_class_and_explains_itself() -> None:
    for table, code, failure in failure_codes.known_codes():
        assert failure.class_ in CLASSES, (table, code)
        assert failure.title and failure.action and failure.fact_id and failure.citation, (table, code)
        assert facts.fact(failure.fact_id).verify is not failure.established
    for gateway, words in failure_words.TABLES.items():
        for word in words:
            assert classify(gateway, "card", word).as_json()["title"]


def test_what_blocks_a_method_is_never_tried_again() -> None:
    found = [failure for _, _, failure in failure_codes.known_codes()]
    found += [classify(gateway, "card", word) for gateway, words in failure_words.TABLES.items() for word in words]
    assert not [failure for failure in found if failure.may_retry and (failure.blocks_method or failure.ends_mandate)]
