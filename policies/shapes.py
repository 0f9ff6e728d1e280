"""How the life of a policy reads and is asked for under /v1: transactions, cancellations, previews, earned premium."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.resources import Asked, Shown
from policies.models import Cancellation, Charge, Initiator, Segment, Term, Transaction
from policies.renewals import RenewalDrafted
from policies.rewrites import TERMS, RewriteDrafted
from policies.slicing import LATER

MOST_MINOR = 10**15


class ChargeShown(Shown):
    class Meta:
        model = Charge
        fields: ClassVar = [
            "id",
            "component",
            "amount_minor",
            "currency",
            "payee_kind",
            "payee",
            "commission_ppm",
            "taxable",
            "refundable",
        ]


class TermShown(Shown):
    program_version = serializers.CharField(source="program_version_id", read_only=True)

    class Meta:
        model = Term
        fields: ClassVar = [
            "id",
            "number",
            "state",
            "state_code",
            "effective_on",
            "expires_on",
            "program_version",
            "plan_code",
        ]


class SegmentShown(Shown):
    offsets = serializers.CharField(source="offsets_id", read_only=True, allow_null=True)

    class Meta:
        model = Segment
        fields: ClassVar = ["id", "kind", "starts_on", "ends_on", "full_term_minor", "written_minor", "offsets"]


class TransactionShown(Shown):
    policy = serializers.CharField(source="term.policy_id", read_only=True)
    term = serializers.CharField(source="term_id", read_only=True)
    reverses = serializers.CharField(source="reverses_id", read_only=True, allow_null=True)
    segments = SegmentShown(many=True, read_only=True)
    charges = ChargeShown(many=True, read_only=True)

    class Meta:
        model = Transaction
        fields: ClassVar = [
            "id",
            "policy",
            "term",
            "sequence",
            "kind",
            "effective_on",
            "processed_at",
            "reverses",
            "reason",
            "details",
            "segments",
            "charges",
        ]


class CancellationShown(Shown):
    policy = serializers.CharField(source="term.policy_id", read_only=True)
    term = serializers.CharField(source="term_id", read_only=True)
    transaction = serializers.CharField(source="transaction_id", read_only=True, allow_null=True)

    class Meta:
        model = Cancellation
        fields: ClassVar = [
            "id",
            "policy",
            "term",
            "effective_on",
            "method",
            "reason",
            "initiator",
            "state",
            "requested_on",
            "transaction",
            "note",
            "ended_reason",
        ]


class Reasoned(Asked):
    reason = serializers.CharField(max_length=300)


class Endorsed(Asked):
    effective_on = serializers.DateField(help_text="The first day of the change.")
    reason = serializers.CharField(max_length=300)
    new_full_term_minor = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST_MINOR, help_text="The premium of a full term from then on."
    )
    change_minor = serializers.IntegerField(
        required=False, min_value=-MOST_MINOR, max_value=MOST_MINOR, help_text="Or how much it changes, signed."
    )
    later = serializers.ChoiceField(
        LATER, required=False, default="carry", help_text="Later changes move along, or stand as they are."
    )


class Ended(Asked):
    effective_on = serializers.DateField(help_text="The first day without cover; a day to come is announced.")
    method = serializers.ChoiceField(Cancellation.Method.choices, required=False, default="pro_rata")
    reason = serializers.ChoiceField(Cancellation.Reason.choices, required=False, default="requested")
    initiator = serializers.ChoiceField(Initiator.choices, required=False, default="insured")
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class Resumed(Asked):
    effective_on = serializers.DateField(help_text="The day cover ended: no lapse; a later day: cover begins there.")
    reason = serializers.CharField(max_length=300)
    no_loss = serializers.BooleanField(help_text="The insured states that nothing was lost since cover ended.")


class Rewritten(Asked):
    effective_on = serializers.DateField()
    term = serializers.ChoiceField(TERMS, help_text="The full term anew, the remainder of it, or a new one as long.")
    number = serializers.CharField(max_length=50, help_text="The new policy's number.")
    premium_minor = serializers.IntegerField(min_value=1, max_value=MOST_MINOR)
    reason = serializers.CharField(max_length=300)
    program = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    plan = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)


class RenewalAsked(Asked):
    premium_minor = serializers.IntegerField(min_value=1, max_value=MOST_MINOR)
    plan = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    expires_on = serializers.DateField(required=False, help_text="Left out: as long as the last term.")


class Audited(Asked):
    audited_minor = serializers.IntegerField(min_value=0, max_value=MOST_MINOR, help_text="The whole audited premium.")
    reason = serializers.CharField(max_length=300)
    term = serializers.IntegerField(required=False, min_value=1, help_text="The term's number; left out: the last.")


class Undone(Asked):
    transaction = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=300)


class DraftedCharge(serializers.Serializer[Any]):
    component = serializers.CharField(read_only=True)
    amount_minor = serializers.IntegerField(source="amount.amount_minor", read_only=True)
    currency = serializers.CharField(source="amount.currency", read_only=True)
    formula = serializers.CharField(source="why.formula", read_only=True)
    inputs = serializers.DictField(source="why.inputs", read_only=True)


class DraftedSlice(serializers.Serializer[Any]):
    kind = serializers.CharField(read_only=True)
    starts_on = serializers.DateField(read_only=True)
    ends_on = serializers.DateField(read_only=True)
    full_term_minor = serializers.IntegerField(read_only=True)
    written_minor = serializers.IntegerField(read_only=True)


class DraftShown(serializers.Serializer[Any]):
    """A change worked out and not written."""

    effective_on = serializers.DateField(read_only=True)
    premium_minor = serializers.IntegerField(read_only=True)
    total_minor = serializers.IntegerField(read_only=True)
    slices = DraftedSlice(many=True, read_only=True)
    charges = DraftedCharge(many=True, read_only=True)


class _FirstDrafted(serializers.Serializer[Any]):
    """The days and first charges of a term that is worked out and not written."""

    effective_on = serializers.DateField(read_only=True)
    expires_on = serializers.DateField(read_only=True)
    total_minor = serializers.SerializerMethodField()
    charges = DraftedCharge(many=True, read_only=True)

    def get_total_minor(self, drafted: RenewalDrafted | RewriteDrafted) -> int:
        return sum(charge.amount.amount_minor for charge in drafted.charges)


class RenewalDraftShown(_FirstDrafted):
    """A next term worked out and not written."""

    program_version = serializers.CharField(source="version.id", read_only=True)
    plan_code = serializers.CharField(source="plan", read_only=True)


class RewriteDraftShown(_FirstDrafted):
    """What a rewrite returns on the old policy, and charges on the new one; not written."""

    cancelled = DraftShown(read_only=True)


class EarnedPart(serializers.Serializer[Any]):
    written_minor = serializers.IntegerField(read_only=True)
    earned_minor = serializers.IntegerField(read_only=True)
    unearned_minor = serializers.IntegerField(read_only=True)


class EarnedSegment(EarnedPart):
    id = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True)
    starts_on = serializers.DateField(read_only=True)
    ends_on = serializers.DateField(read_only=True)


class EarnedComponent(EarnedPart):
    component = serializers.CharField(read_only=True)


class EarnedShown(EarnedPart):
    """Written, earned and unearned premium of one term on a day, by segment and by component."""

    term = serializers.CharField(source="term.id", read_only=True)
    number = serializers.IntegerField(source="term.number", read_only=True)
    as_of = serializers.DateField(read_only=True)
    currency = serializers.CharField(read_only=True)
    segments = EarnedSegment(many=True, read_only=True)
    components = EarnedComponent(many=True, read_only=True)
