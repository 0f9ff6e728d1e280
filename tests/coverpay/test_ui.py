"""What templates write: money, states, days and reasons."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template import Context, Template

from coverpay.kernel import clock
from coverpay.templatetags import ui

NOON = dt.datetime(2026, 2, 2, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (1_071_800, "USD", "10,718.00 USD"),
        (-5, "USD", "\u22120.05 USD"),
        (1200, "JPY", "1,200 JPY"),
        (0, "USD", "0.00 USD"),
    ],
)
def test_money_reads_exactly_and_its_minus_is_a_sign_not_only_a_colour(
    amount: int, currency: str, written: str
) -> None:
    assert re.sub("<[^>]*>", "", ui.money(amount, currency)) == written
    assert ("money--negative" in ui.money(amount, currency)) == (amount < 0)


def test_an_amount_that_is_not_known_is_a_dash_not_a_zero() -> None:
    assert "0" not in ui.money(None)


def test_what_people_typed_is_escaped() -> None:
    for written in (ui.badge("open", "<b>"), ui.ref("<script>"), ui.ref("pol_" + "0" * 26, "<i>")):
        assert "&lt;" in written


@pytest.mark.parametrize(
    ("ago", "spoken"),
    [
        (dt.timedelta(seconds=5), "5 s ago"),
        (dt.timedelta(minutes=61), "1 h ago"),
        (dt.timedelta(days=3), "3 d ago"),
        (dt.timedelta(minutes=-30), "in 30 min"),
        (dt.timedelta(days=8), "2026-01-25"),
    ],
)
def test_a_moment_is_spoken_and_its_exact_time_is_there(ago: dt.timedelta, spoken: str) -> None:
    with clock.frozen(NOON):
        written = ui.when(NOON - ago)
    assert f">{spoken}</time>" in written
    assert f'datetime="{(NOON - ago).isoformat()}"' in written


def test_a_reason_names_its_inputs_in_words_and_reads_minor_units_as_money() -> None:
    reason = SimpleNamespace(
        subject_id="chg_1",
        figure="amount",
        formula="surplus_lines_tax = rate × (premium)",
        amount_minor=46_800,
        currency="USD",
        inputs={"rate": "0.0468", "base_minor": 1_000_000, "parts_minor": "23400 + 23400"},
        rule="surplus lines tax",
        rule_version="hi v1",
        citation="HRS 431:8-315",
        recorded_at=NOON,
    )
    written = Template("{% why reasons 'chg_1' %}").render(Context({"reasons": [reason]}))
    text = " ".join(re.sub("<[^>]*>", " ", written).split())
    assert "surplus lines tax = rate × (premium)" in text
    assert "Rate 0.0468 Base 10,000.00 Parts 234.00 + 234.00 Result 468.00 USD" in text
    assert "hi v1" in text and "HRS 431:8-315" in text
    assert Template("{% why reasons 'other' %}").render(Context({"reasons": [reason]})).strip() == ""


def test_percentages_lose_needless_zeros_only() -> None:
    assert [ui.percent(ppm) for ppm in (150_000, 46_800, 1_000_000, 100, 0)] == ["15%", "4.68%", "100%", "0.01%", "–"]


def _tokens(theme: str) -> dict[str, str]:
    text = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", light))
    return found if theme == "light" else {**found, **dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", dark))}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


PAIRS = [(f"{tone}-ink", f"{tone}-wash") for tone in ("good", "wait", "warn", "bad", "quiet")]
PAIRS += [
    (ink, paper) for ink in ("ink", "ink-soft", "accent", "bad-ink") for paper in ("paper", "canvas", "paper-sunk")
]
PAIRS += [("accent-ink", "accent"), ("accent-strong", "accent-wash"), ("ink-soft", "accent-wash")]
EDGES = [("line-strong", "paper"), ("focus", "paper"), ("focus", "canvas")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_and_edges_stand_out_in_both_themes(theme: str) -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for the edges of controls and focus (1.4.11)."""
    tokens = _tokens(theme)
    weak = [pair for pair in PAIRS if _contrast(tokens[pair[0]], tokens[pair[1]]) < 4.5]
    faint = [pair for pair in EDGES if _contrast(tokens[pair[0]], tokens[pair[1]]) < 3]
    assert (weak, faint) == ([], [])
