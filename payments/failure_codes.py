"""Pure: what a failure code means, and whether, when and how often the same method may be charged again.

The codes of the bank network (Nacha) and of the card networks come from the rules data; the gateways' own words from
`payments.failure_words`. A code nobody knows, or about which the sources disagree, is never tried again by itself.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from compliance.rules import facts
from compliance.rules.facts import Fact
from payments import failure_words
from payments.failure_words import DETAILS, GATEWAY, HARD, LIMIT, SOFT, UNKNOWN, Word

CLASSES = (HARD, SOFT, DETAILS, LIMIT, GATEWAY, UNKNOWN)
ACH, CARD = "ach", "card"
ONCE_OUR_FAULT_IS_MENDED = 3
"""How often a payment that never reached the payor's bank is tried again; no rule speaks of it."""

_STOPS_MANDATE = ("R05", "R07", "R10", "R29", "R37", "R51")
_ACCOUNT_UNUSABLE = ("R02", "R03", "R04", "R12", "R13", "R20")
_HARD_RETURNS = ("R06", "R08", "R11", "R14", "R15", "R16", "R17", "R24", "R38")
_SPENT = ("R14", "R15", "R16")
_OUR_MISTAKE = "corrected_entry"
_LIMIT_CODES = ("61", "65", "N3", "N4")
_OUTAGE_CODES = ("19", "91", "96")
_STOP_RECURRING = ("R0", "R1", "R3")
_NEVER = ("never", "never_recurring")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failure is, and what may follow.

    `max_retries` of the same method within `window_days` of the first try, none before `wait` is over; 0: never by
    itself. `blocks_method`: the method is spent. `ends_mandate`: the payor took back the leave to charge it.
    `represents`: a retry presents the very same bank debit again, same amount. `fact_id` and `citation` say who says
    so; `established` is false where the fact was not read in primary text.
    """

    class_: str
    action: str
    title: str
    wait: dt.timedelta | None = None
    max_retries: int = 0
    window_days: int | None = None
    lockout_days: int | None = None
    blocks_method: bool = False
    ends_mandate: bool = False
    represents: bool = False
    fact_id: str = ""
    citation: str = ""
    established: bool = True
    read: tuple[str, ...] = ()

    @property
    def may_retry(self) -> bool:
        return self.max_retries > 0

    def as_json(self) -> dict[str, object]:
        """The reasons, to be kept with what was decided on them."""
        return {
            "class": self.class_,
            "title": self.title,
            "action": self.action,
            "wait_hours": int(self.wait.total_seconds()) // 3600 if self.wait else None,
            "max_retries": self.max_retries,
            "window_days": self.window_days,
            "lockout_days": self.lockout_days,
            "blocks_method": self.blocks_method,
            "ends_mandate": self.ends_mandate,
            "represents": self.represents,
            "fact": self.fact_id,
            "citation": self.citation,
            "established": self.established,
            "read": list(self.read),
        }


def classify(
    gateway: str, method: str, code: str, network_code: str = "", advice: str = "", *, network: str = ""
) -> Failure:
    """Say what a failure means: by the network's advice first, then the network's code, then the gateway's word.

    Whoever of them says never is right; the longest wait and the fewest retries count. Codes that none of them knows,
    or about which the sources disagree, give class unknown or hard, and no retry. Mastercard (`network`) gives advice:
    without any, its declines are not tried again.
    """
    if method == ACH:
        said = [_returned(network_code) or _returned(code), _by_word(gateway, code, method)]
    else:
        said = [_advised(advice), _by_network(network_code), _by_word(gateway, code, method)]
    known = [one for one in said if one is not None]
    if not known:
        return _nobody_knows(code, network_code, advice, method=method)
    found = _strictest(known)
    if network.lower() == "mastercard" and method == CARD and not advice and found.class_ in (SOFT, LIMIT):
        silent = _nobody_knows(code, network_code)
        return replace(silent, class_=found.class_, title=found.title, read=(*found.read, "no advice code came"))
    return found


def card_limit() -> Failure:
    """What the card networks allow at most, whatever a code says: the smaller of their limits."""
    fact = facts.fact(_card_facts()["visa_reattempt_max"][0].id)
    return _of(
        fact, SOFT, "the networks' limit", "Retries of one card", max_retries=int(fact.value), window_days=_days(fact)
    )


def card_lockout() -> tuple[tuple[str, ...], int, Fact]:
    """The advice codes after which a card is left alone, for how many days, and the fact."""
    fact = _card_facts()["mac_03_21_lockout_days"][0]
    codes = tuple(each.value["code"] for each in _card_facts()["mastercard_mac"] if each.value["action"] in _NEVER)
    return codes, int(fact.value), fact


def represent_limit() -> tuple[int, int, Fact]:
    """How often a bank debit may be presented again, within how many days of the first settlement, and the fact."""
    most, window = _nacha_facts()["reinitiation_max"][0], _nacha_facts()["reinitiation_window"][0]
    return int(most.value), int(window.value), most


def known_codes() -> list[tuple[str, str, Failure]]:
    """Every code of the networks that is known, as (table, code, meaning), for the page and the documents."""
    rows: list[tuple[str, str, Failure]] = []
    for code in sorted(_by_code("nacha", "return_code")):
        rows.append(("ACH return", code, _returned(code) or _nobody_knows(code)))
    for code in sorted(_by_code("card", "visa_code_category")):
        rows.append(("Card network", code, _by_network(code) or _nobody_knows(code)))
    for code in sorted(_by_code("card", "mastercard_mac")):
        rows.append(("Card advice", code, _advised(code) or _nobody_knows(code)))
    return rows


def _returned(code: str) -> Failure | None:
    """The meaning of an ACH return code, or None when it is none."""
    fact = _by_code("nacha", "return_code").get(code)
    if fact is None:
        return None
    title, action = f"{code} {fact.value['title']}", fact.value["originator_action"]
    if fact.value["retriable"] is True:
        most, window, _ = represent_limit()
        return _of(fact, SOFT, action, title, max_retries=most, window_days=window, represents=True)
    if code in _STOPS_MANDATE:
        return _of(fact, HARD, action, title, blocks_method=True, ends_mandate=True)
    if code in _ACCOUNT_UNUSABLE:
        return _of(fact, DETAILS, action, title, blocks_method=True)
    if code in _HARD_RETURNS:
        return _of(fact, HARD, action, title, blocks_method=code in _SPENT)
    if fact.value["retriable"] == _OUR_MISTAKE:
        return _of(fact, GATEWAY, action, title)
    return _of(fact, UNKNOWN, action, title)


def _advised(code: str) -> Failure | None:
    """The meaning of the network's advice about trying again, or None when there is none."""
    fact = _by_code("card", "mastercard_mac").get(code)
    if fact is None:
        word = failure_words.ADVICE.get(code)
        return _worded(word, "by the advice of the processor", {}) if word else None
    action, title = fact.value["action"], f"Advice {code}: {fact.value['meaning']}"
    if action in _NEVER:
        _, days, _ = card_lockout()
        ends = action == "never_recurring"
        return _of(fact, HARD, action, title, blocks_method=True, ends_mandate=ends, lockout_days=days)
    if action == "retry" or action == "retry_allowed":
        hours = fact.value["min_wait_hours"]
        wait = dt.timedelta(hours=int(hours)) if hours is not None else None
        return _of(fact, SOFT, str(action), title, wait=wait, **_card_retries())
    if action == "review_sanctions":
        return _of(fact, HARD, action, title, blocks_method=True)
    if action == "fix_setup":
        return _of(fact, GATEWAY, action, title)
    if action == "review":
        return _of(fact, UNKNOWN, action, title)
    return _of(fact, DETAILS, action, title, blocks_method=action == "other_method_required_for_recurring")


def _by_network(code: str) -> Failure | None:
    """The meaning of a card network's response code, or None when it is not in the tables."""
    fact = _by_code("card", "visa_code_category").get(code)
    if fact is None:
        return None
    category, title = fact.value["category"], f"Response {code}"
    if category is None:
        return _of(fact, HARD, "sources disagree; treated as hard", title)
    about = _categories()[category]
    action, title = str(about.value["retry"]), f"Response {code}: {about.value['meaning']}"
    if action == "never":
        return _of(fact, HARD, action, title, blocks_method=True, ends_mandate=code in _STOP_RECURRING)
    if action == "correct_and_retry":
        return _of(fact, DETAILS, action, title)
    class_ = LIMIT if code in _LIMIT_CODES else GATEWAY if code in _OUTAGE_CODES else SOFT
    return _of(fact, class_, action, title, **_card_retries())


def _by_word(gateway: str, code: str, method: str) -> Failure | None:
    """The meaning of the gateway's own word, or None when it means nothing to us.

    A card whose bank gives no reason falls under the networks' limit for all other declines. A bank debit is presented
    again only on a return code: a word alone allows it for what never reached the bank.
    """
    word = failure_words.meaning(gateway, code)
    if word is None:
        return None
    by = f"by the words of {gateway}"
    if word.class_ == GATEWAY:
        return _worded(word, by, {"max_retries": ONCE_OUR_FAULT_IS_MENDED})
    if method == ACH and word.class_ in (SOFT, LIMIT):
        nsf = _returned("R01") if code == "insufficient_funds" else None
        return replace(nsf, title=word.title) if nsf else _worded(word, by, {"max_retries": 0})
    return _worded(word, by, {})


def _worded(word: Word, by: str, limits: Mapping[str, int]) -> Failure:
    """A meaning in words of others; what may be tried again stays within the card networks' limit."""
    found = Failure(word.class_, by, word.title, blocks_method=word.blocks, ends_mandate=word.ends_mandate)
    if limits:
        return replace(found, max_retries=limits["max_retries"])
    if word.class_ not in (SOFT, LIMIT):
        return found
    fact = _card_facts()["visa_reattempt_max"][0]
    most, days = int(fact.value), _days(fact)
    return replace(
        found, fact_id=fact.id, citation=fact.citation, established=not fact.verify, max_retries=most, window_days=days
    )


def _strictest(said: list[Failure]) -> Failure:
    """Join what is said, most specific first: never beats anything, else the longest wait and the fewest retries."""
    read = tuple(one.title for one in said)
    never = [one for one in said if not one.may_retry]
    if never:
        best = next((one for one in never if "disagree" not in one.action), never[0])
        return replace(
            best,
            blocks_method=any(one.blocks_method for one in never),
            ends_mandate=any(one.ends_mandate for one in never),
            read=read,
        )
    first = next((one for one in said if one.class_ != SOFT), said[0])
    windows = [one.window_days for one in said if one.window_days is not None]
    return replace(
        first,
        wait=max((one.wait for one in said if one.wait is not None), default=None),
        max_retries=min(one.max_retries for one in said),
        window_days=max(windows, default=None),
        represents=any(one.represents for one in said),
        read=read,
    )


def _nobody_knows(*codes: str, method: str = CARD) -> Failure:
    fact = _card_facts()["default_no_category"][0]
    said = ", ".join(repr(code[:60]) for code in codes if code) or "no code"
    if method != CARD:
        return Failure(UNKNOWN, str(fact.value), f"No table knows {said}")
    return Failure(
        UNKNOWN,
        str(fact.value),
        f"No table knows {said}",
        fact_id=fact.id,
        citation=fact.citation,
        established=not fact.verify,
    )


def _of(fact: Fact, class_: str, action: str, title: str, **limits: Any) -> Failure:
    return Failure(
        class_, action, title, fact_id=fact.id, citation=fact.citation, established=not fact.verify, **limits
    )


def _card_retries() -> dict[str, int]:
    fact = _card_facts()["visa_reattempt_max"][0]
    return {"max_retries": int(fact.value), "window_days": _days(fact)}


def _days(fact: Fact) -> int:
    return int(fact.conditions["window_days"])


@functools.cache
def _categories() -> Mapping[int, Fact]:
    return {fact.value["category"]: fact for fact in _card_facts()["visa_decline_category"]}


@functools.cache
def _by_code(topic: str, rule: str) -> Mapping[str, Fact]:
    return {fact.value["code"]: fact for fact in facts.of_topic(topic) if fact.rule == rule}


@functools.cache
def _card_facts() -> Mapping[str, list[Fact]]:
    return _grouped("card")


@functools.cache
def _nacha_facts() -> Mapping[str, list[Fact]]:
    return _grouped("nacha")


def _grouped(topic: str) -> Mapping[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts.of_topic(topic):
        found.setdefault(fact.rule, []).append(fact)
    return found
