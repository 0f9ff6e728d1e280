"""A short rate is not for the insurer, unless the program allows it for non-payment."""

from __future__ import annotations

import pytest

from coverpay.kernel.errors import Invalid
from policies import conditions

ALLOWING = {"cancellation": {"short_rate_for_nonpayment": True}}


@pytest.mark.parametrize(
    ("terms", "initiator", "reason", "allowed"),
    [
        ({}, "insured", "requested", True),
        ({}, "finance_company", "finance_company", True),
        ({}, "insurer", "underwriting", False),
        ({}, "insurer", "nonpayment", False),
        (ALLOWING, "insurer", "nonpayment", True),
        (ALLOWING, "insurer", "underwriting", False),
    ],
)
def test_who_may_keep_a_short_rate(terms: dict[str, object], initiator: str, reason: str, allowed: bool) -> None:
    assert conditions.read(terms).cancellation.short_rate_allowed(initiator, reason) is allowed


def test_the_program_says_it_as_true_or_false() -> None:
    with pytest.raises(Invalid) as refused:
        conditions.read({"cancellation": {"short_rate_for_nonpayment": "yes"}})
    assert refused.value.field == "short_rate_for_nonpayment"
