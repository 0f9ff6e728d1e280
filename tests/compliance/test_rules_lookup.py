"""Which fact counts: read from the research data by hand, never computed by the code under test."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from compliance.models import EventRecord, Organization, RuleDecision
from compliance.rules import decisions, facts, lookup
from compliance.rules.lookup import Ruled, UnknownJurisdiction, UnknownRule
from coverpay.kernel.errors import DomainError, Forbidden, NotFound
from tests.support import world

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 2, 2)
NONPAY = {"initiator": "insurer", "reason": "nonpayment"}


@pytest.fixture
def ours(still: dt.datetime) -> Organization:
    return world.organization()


def ask(of: Organization, rule: str, state: str, line: str = "commercial_pc", **options: Any) -> Ruled:
    return lookup.lookup(of.id, rule, jurisdiction=state, line=line, **{"on": DAY, **options})


def decide(of: Organization, rule: str, state: str, value: Any, role: str = "compliance", **said: Any) -> RuleDecision:
    return decisions.decide(
        **{"line": "commercial_pc", "reason": "read the statute", **said},
        rule=rule,
        jurisdiction=state,
        value=value,
        actor=world.actor(of, role),
    )


@pytest.mark.parametrize(
    ("rule", "state", "line", "admitted", "on", "conditions", "fact_id", "value"),
    [
        ("noc_nonpay_days", "CA", "commercial_pc", "admitted", DAY, NONPAY, "noc-0024", 10),
        ("noc_nonpay_days", "NJ", "personal_auto", "admitted", DAY, NONPAY, "noc-0168", 15),
        ("noc_nonpay_days", "AZ", "commercial_pc", "admitted", DAY, NONPAY, "noc-0014", 10),
        # Connecticut: 10 days, but 15 when the first premium of a new policy is not paid.
        ("noc_nonpay_days", "CT", "personal_auto", "admitted", DAY, NONPAY, "noc-0032", 10),
        (
            "noc_nonpay_days",
            "CT",
            "personal_auto",
            "admitted",
            DAY,
            {**NONPAY, "first_premium_new_policy": "true"},
            "noc-0293",
            15,
        ),
        # Florida has a statute of its own for surplus lines.
        ("noc_nonpay_days", "FL", "commercial_pc", "surplus", DAY, NONPAY, "noc-0294", 10),
        # A group of lines before all lines; all lines where nothing nearer is.
        ("underwriting_period_days", "TX", "homeowners", "admitted", DAY, {}, "noc-0328", 90),
        ("underwriting_period_days", "TX", "personal_auto", "admitted", DAY, {}, "noc-0327", 60),
        ("underwriting_period_days", "NY", "homeowners", "admitted", DAY, {}, "noc-0322", 60),
        ("underwriting_period_days", "MT", "commercial_pc", "admitted", DAY, {}, "noc-0304", 60),
        # Texas: three stamping fees, by the day.
        ("sl_stamping_fee_rate", "TX", "commercial_pc", "surplus", dt.date(2020, 12, 31), {}, "sl_tax-0113", "0.15"),
        ("sl_stamping_fee_rate", "TX", "commercial_pc", "surplus", dt.date(2021, 1, 1), {}, "sl_tax-0112", "0.075"),
        ("sl_stamping_fee_rate", "TX", "commercial_pc", "surplus", dt.date(2023, 12, 31), {}, "sl_tax-0112", "0.075"),
        ("sl_stamping_fee_rate", "TX", "commercial_pc", "surplus", dt.date(2024, 1, 1), {}, "sl_tax-0070", "0.04"),
        # Alaska: by who cancels. Delaware: whoever does.
        (
            "return_premium_deadline",
            "AK",
            "commercial_pc",
            "admitted",
            DAY,
            {"initiator": "insured"},
            "refund-0103",
            45,
        ),
        (
            "return_premium_deadline",
            "DE",
            "personal_auto",
            "admitted",
            DAY,
            {"initiator": "insurer"},
            "refund-0109",
            30,
        ),
        ("return_premium_deadline", "FL", "personal_auto", "surplus", DAY, {"initiator": "insurer"}, "refund-0111", 15),
        ("late_fee_cap", "RI", "commercial_pc", "admitted", DAY, {}, "fees-0052", 10),
    ],
)
def test_the_nearest_established_fact_counts(
    ours: Organization,
    rule: str,
    state: str,
    line: str,
    admitted: str,
    on: dt.date,
    conditions: dict[str, str],
    fact_id: str,
    value: Any,
) -> None:
    ruled = ask(ours, rule, state, line, admitted=admitted, on=on, conditions=conditions)
    assert (ruled.fact_id, ruled.needs_decision) == (fact_id, "")
    assert ruled.value == (Decimal(value) if isinstance(value, str) else value)
    assert ruled.citation == facts.fact(fact_id).citation
    assert {seen.id: seen.verdict for seen in ruled.considered}[fact_id] == "taken"


@pytest.mark.parametrize(
    ("rule", "state", "line", "conditions", "fact_id", "value", "why"),
    [
        # Iowa falls by a fortieth a year; all four rates rest on a secondary source.
        ("sl_tax_rate", "IA", "all_pc", {}, "sl_tax-0053", "0.925", "secondary source"),
        ("noc_nonpay_days", "CA", "homeowners", NONPAY, "noc-0022", 10, "secondary source"),
        ("noc_nonpay_days", "AL", "commercial_pc", NONPAY, "noc-0005", None, "not established"),
        ("late_fee_cap", "AL", "personal_auto", {}, "fees-0075", None, "not established"),
        ("return_premium_deadline", "AL", "commercial_pc", {"initiator": "insured"}, "refund-0127", None, "not establ"),
        # Nothing about commercial in Delaware, nothing of the insurer's in Louisiana.
        ("return_premium_deadline", "DE", "commercial_pc", {"initiator": "insurer"}, None, None, "No fact says"),
        ("return_premium_deadline", "LA", "commercial_pc", {"initiator": "insurer"}, None, None, "No fact says"),
        ("noc_nonpay_days", "PR", "commercial_pc", NONPAY, None, None, "No fact says"),
    ],
)
def test_what_is_not_established_says_why_and_what_to_decide(
    ours: Organization,
    rule: str,
    state: str,
    line: str,
    conditions: dict[str, str],
    fact_id: str | None,
    value: Any,
    why: str,
) -> None:
    admitted = "surplus" if rule.startswith("sl_") else "admitted"
    ruled = ask(ours, rule, state, line, admitted=admitted, conditions=conditions)
    assert (ruled.fact_id, ruled.established) == (fact_id, False)
    assert ruled.value == (Decimal(value) if isinstance(value, str) else value)
    assert why in ruled.needs_decision and "decide" in ruled.needs_decision


def test_what_was_passed_over_says_why(ours: Organization) -> None:
    ruled = ask(ours, "sl_stamping_fee_rate", "TX", admitted="surplus", on=dt.date(2022, 6, 1))
    assert {seen.id: seen.verdict for seen in ruled.considered} == {
        "sl_tax-0070": "it begins on 2024-01-01",
        "sl_tax-0112": "taken",
        "sl_tax-0113": "it ended on 2020-12-31",
    }
    ruled = ask(ours, "return_premium_deadline", "FL", "personal_auto", conditions={"initiator": "insured"})
    verdicts = {seen.id: seen.verdict for seen in ruled.considered}
    assert verdicts["refund-0111"] == "it needs initiator insurer, asked was insured"
    ruled = ask(ours, "noc_nonpay_days", "CA", conditions=NONPAY)
    assert {seen.id: seen.verdict for seen in ruled.considered}["noc-0020"] == (
        "it is about personal_auto, not commercial_pc"
    )


def test_equal_facts_that_differ_need_a_person(ours: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    one = facts.Fact("x-0001", "NV", "noc_latest_lead_days", 30, "calendar_days", "NRS 1", verify=False)
    two = facts.Fact("x-0002", "NV", "noc_latest_lead_days", 45, "calendar_days", "NRS 2", verify=False)
    monkeypatch.setattr(facts, "find", lambda rule, jurisdiction: [one, two] if jurisdiction == "NV" else [])
    ruled = ask(ours, "noc_latest_lead_days", "NV")
    assert "x-0001 says 30, x-0002 says 45" in ruled.needs_decision and "decide which counts" in ruled.needs_decision


def test_a_federal_rule_answers_for_a_state_that_says_nothing(ours: Organization) -> None:
    ruled = ask(ours, "sl_return_premium_refunds_tax_default", "WY", admitted="surplus")
    assert (ruled.fact_id, ruled.value) == ("sl_tax-0174", True)
    assert "sl_tax-0174" in ruled.needs_decision


def test_a_decision_wins_from_its_day_on_and_the_latest_counts(ours: Organization) -> None:
    first = decide(ours, "noc_nonpay_days", "AL", 10, conditions=NONPAY, effective_from=dt.date(2026, 1, 1))
    later = decide(ours, "noc_nonpay_days", "AL", 20, conditions=NONPAY, effective_from=dt.date(2026, 3, 1))
    answers = {
        on: ask(ours, "noc_nonpay_days", "AL", on=on, conditions=NONPAY)
        for on in (dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2026, 2, 28), dt.date(2026, 3, 1))
    }
    assert [ruled.decision_id for ruled in answers.values()] == [None, first.id, first.id, later.id]
    assert [ruled.value for ruled in answers.values()] == [None, 10, 10, 20]
    assert [ruled.established for ruled in answers.values()] == [False, True, True, True]
    assert answers[DAY.replace(day=28)].considered[0].verdict == "taken: decided, read the statute"


def test_a_decision_holds_for_its_line_conditions_and_organization_only(ours: Organization) -> None:
    decide(ours, "return_premium_deadline", "AL", 30, conditions={"initiator": "insured"})
    insured, insurer = {"initiator": "insured"}, {"initiator": "insurer"}
    assert ask(ours, "return_premium_deadline", "AL", conditions=insured).value == 30
    assert ask(ours, "return_premium_deadline", "AL", conditions=insurer).needs_decision
    assert ask(ours, "return_premium_deadline", "AL", "homeowners", conditions=insured).needs_decision
    assert ask(ours, "return_premium_deadline", "GA", conditions=insured).needs_decision
    assert ask(world.organization(), "return_premium_deadline", "AL", conditions=insured).needs_decision


def test_a_wide_decision_leaves_a_nearer_established_fact_alone(ours: Organization) -> None:
    decide(ours, "noc_nonpay_days", "NJ", 30, line="all_pc")
    # noc-0168 is read in the source for auto; noc-0172 for commercial is not verified.
    assert ask(ours, "noc_nonpay_days", "NJ", "personal_auto", conditions=NONPAY).value == 15
    assert ask(ours, "noc_nonpay_days", "NJ", "commercial_pc", conditions=NONPAY).value == 30
    decide(ours, "noc_nonpay_days", "NJ", 20, line="personal_auto", conditions=NONPAY)
    assert ask(ours, "noc_nonpay_days", "NJ", "personal_auto", conditions=NONPAY).value == 20


def test_a_decision_on_an_admitted_fact_says_nothing_about_surplus_lines(ours: Organization) -> None:
    decide(ours, "noc_nonpay_days", "AL", 10, conditions=NONPAY, fact_id="noc-0005")
    assert ask(ours, "noc_nonpay_days", "AL", conditions=NONPAY).established
    assert not ask(ours, "noc_nonpay_days", "AL", conditions=NONPAY, admitted="surplus").established
    decide(ours, "noc_nonpay_days", "AL", 12, conditions={**NONPAY, "admitted": "surplus"})
    assert ask(ours, "noc_nonpay_days", "AL", conditions=NONPAY, admitted="surplus").value == 12
    assert ask(ours, "noc_nonpay_days", "AL", conditions=NONPAY).value == 10


def test_a_decision_may_confirm_a_fact_and_keeps_its_source(ours: Organization) -> None:
    row = decide(ours, "sl_tax_rate", "HI", "4.68", line="all_pc", fact_id="sl_tax-0012")
    assert (row.value, row.unit, row.citation) == ("4.68", "percent_of_premium", facts.fact("sl_tax-0012").citation)
    ruled = ask(ours, "sl_tax_rate", "HI", admitted="surplus")
    assert (ruled.value, ruled.decision_id, ruled.fact_id) == (Decimal("4.68"), row.id, "sl_tax-0012")
    told = EventRecord.objects.get(type="rule.decided")
    assert (told.object_id, told.data["value"]) == (row.id, "4.68")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"value": -1}, "value"),
        ({"value": "1.5"}, "value"),
        ({"value": None}, "value"),
        ({"value": True}, "value"),
        ({"value": "ten"}, "value"),
        ({"reason": ""}, "reason"),
        ({"line": "a line"}, "line"),
        ({"state": "ZZ"}, "jurisdiction"),
        ({"rule": "noc_days"}, "rule"),
        ({"fact_id": "noc-9999"}, "rule"),
        ({"fact_id": "noc-0024"}, "fact_id"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_at_its_field(
    ours: Organization, said: dict[str, Any], field: str
) -> None:
    said = {"rule": "noc_nonpay_days", "state": "AL", "value": 10, **said}
    with pytest.raises(DomainError) as refused:
        decide(ours, said.pop("rule"), said.pop("state"), said.pop("value"), **said)
    assert refused.value.field == field
    assert not RuleDecision.objects.exists()


def test_only_who_may_decide_rules_decides(ours: Organization) -> None:
    with pytest.raises(Forbidden):
        decide(ours, "noc_nonpay_days", "AL", 10, role="finance")


def test_a_question_that_names_nothing_known_is_refused(ours: Organization) -> None:
    with pytest.raises(UnknownRule):
        ask(ours, "noc_days", "CA")
    with pytest.raises(UnknownJurisdiction):
        ask(ours, "noc_nonpay_days", "California")
    with pytest.raises(NotFound):
        facts.fact("noc-9999")


def test_every_fact_is_read_and_keeps_what_the_data_says() -> None:
    for path in sorted(facts.DATA.glob("*.json")):
        for row in json.loads(path.read_text(), parse_float=Decimal)["facts"]:
            fact = facts.fact(row["id"])
            assert (fact.value, fact.rule, fact.line) == (row["value"], row["rule"], row["line"])
            assert (fact.verify, list(fact.verify_reason)) == (row["verify"], row["verify_reason"])
    assert len(facts.search()) == 1519
    assert len(facts.search(topic="noc", jurisdiction="CA", rule="noc_nonpay_days")) == 3


def test_importing_the_facts_reads_no_file() -> None:
    read = (
        "import compliance.rules.facts as f; print(f.of_topic.cache_info().currsize, f._by_rule.cache_info().currsize)"
    )
    done = subprocess.run(
        [sys.executable, "-c", read], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0"]
