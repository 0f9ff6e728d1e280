"""Texts from outside are checked before a database sees them."""

from __future__ import annotations

import pytest

from coverpay.kernel import texts
from coverpay.kernel.texts import BadText


def test_a_good_text_comes_back_without_the_spaces_around_it() -> None:
    assert texts.line("  Kāneʻohe Bakery ", field="name", at_most=20) == "Kāneʻohe Bakery"


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "a\nb", "half \ud800", "x" * 21, None, 5])
def test_a_text_that_cannot_be_kept_is_refused_by_field(text: object) -> None:
    with pytest.raises(BadText) as refused:
        texts.line(text, field="name", at_most=20)  # type: ignore[arg-type]
    assert refused.value.field == "name"
    refused.value.message.encode()


def test_a_text_may_be_left_out_where_that_is_said() -> None:
    assert texts.line(" ", field="city", at_most=20, empty=True) == ""


def test_a_text_of_others_is_shown_short_and_printable() -> None:
    assert texts.shown("a\x00b\ud800", 10) == "a�b�"
    assert texts.shown("x" * 10, 10) == "x" * 10
    assert texts.shown("x" * 11, 10) == "x" * 9 + "…"
