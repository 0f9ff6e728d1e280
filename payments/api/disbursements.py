"""Disbursements, check runs and screenings under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance import screening
from compliance.models import Screening
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from payments import checks, disbursements
from payments.disbursements import Wish
from payments.models import CheckRun, Disbursement


class DisbursementShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    return_premium = serializers.CharField(source="return_premium_id", read_only=True, allow_null=True)
    payee = serializers.CharField(source="payee_id", read_only=True)
    bank_account = serializers.CharField(source="bank_account_id", read_only=True, allow_null=True)
    payment_method = serializers.CharField(source="payment_method_id", read_only=True, allow_null=True)
    permit = serializers.CharField(source="permit_id", read_only=True)
    screening = serializers.CharField(source="screening_id", read_only=True)
    reissues = serializers.CharField(source="reissues_id", read_only=True, allow_null=True)

    class Meta:
        model = Disbursement
        fields: ClassVar = [
            "id", "policy", "return_premium", "kind", "method", "state", "amount_minor", "currency", "payee",
            "payee_name", "address", "bank_account", "payment_method", "check_number", "permit", "screening",
            "hold_reason", "reason", "reissues", "due_on", "issued_on", "cleared_on", "outcome_message", "created_at",
        ]  # fmt: skip


class NewDisbursement(Asked):
    policy = serializers.CharField(max_length=40)
    method = serializers.ChoiceField(choices=Disbursement.Method.choices)
    kind = serializers.ChoiceField(choices=Disbursement.Kind.choices, required=False)
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; all that is free, or owed, when left out."
    )
    return_premium = serializers.CharField(max_length=40, required=False)
    payee = serializers.CharField(max_length=40, required=False, help_text="A party; the insured when left out.")
    bank_account = serializers.CharField(max_length=40, required=False, help_text="What pays it, unless original.")
    payment_method = serializers.CharField(max_length=40, required=False, help_text="The payee's account, for ACH.")
    reason = serializers.CharField(max_length=300)


class WithReason(Asked):
    reason = serializers.CharField(max_length=300)


class Cleared(Asked):
    on = serializers.DateField(help_text="The day the bank paid it.")


class Disbursements(Rows):
    """Money paid out of a policy's unapplied cash."""

    queryset = Disbursement.objects.all()
    serializer_class = DisbursementShown
    filterset_fields: ClassVar = ["policy", "state", "method", "return_premium", "bank_account"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewDisbursement)
    def create(self, asked: dict[str, Any]) -> Disbursement:
        """Ask for cash to be paid out. It is screened, and above the limit another person approves it first."""
        wish = Wish(
            method=asked["method"],
            amount_minor=asked.get("amount_minor"),
            kind=asked.get("kind", Disbursement.Kind.OVERPAYMENT),
            return_premium_id=asked.get("return_premium"),
            payee_id=asked.get("payee"),
            bank_account_id=asked.get("bank_account"),
            payment_method_id=asked.get("payment_method"),
        )
        return disbursements.request(policy_id=asked["policy"], wish=wish, reason=asked["reason"], actor=self.actor)

    @acts(WithReason)
    def hold(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Stop one that is not sent yet."""
        return disbursements.hold(disbursement_id=id, reason=asked["reason"], actor=self.actor)

    @acts(WithReason)
    def release(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Let a held one go on."""
        return disbursements.release(disbursement_id=id, reason=asked["reason"], actor=self.actor)

    @acts(WithReason)
    def cancel(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Give up one that is not sent yet."""
        return disbursements.cancel(disbursement_id=id, reason=asked["reason"], actor=self.actor)

    @acts(WithReason)
    def void(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Stop an issued check before the bank pays it. Needs `cash.write`."""
        return checks.void(disbursement_id=id, reason=asked["reason"], actor=self.actor)

    @acts(WithReason)
    def reissue(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Void an issued check and ask for another in its place. Needs `cash.write`."""
        return checks.reissue(disbursement_id=id, reason=asked["reason"], actor=self.actor)

    @acts(Cleared)
    def clear(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Note that the bank paid it. Needs `reconciliation.write`."""
        return checks.clear(disbursement_id=id, on=asked["on"], actor=self.actor)

    @acts(WithReason)
    def escheat(self, id: str, asked: dict[str, Any]) -> Disbursement:
        """Count a stale check as unclaimed property of the payee's state. Needs `cash.write`."""
        return checks.escheat(disbursement_id=id, reason=asked["reason"], actor=self.actor)


class CheckRunShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)

    class Meta:
        model = CheckRun
        fields: ClassVar = [
            "id", "bank_account", "issued_on", "first_number", "last_number", "count", "total_minor", "currency",
            "content", "created_at",
        ]  # fmt: skip


class NewCheckRun(Asked):
    bank_account = serializers.CharField(max_length=40)
    first_number = serializers.IntegerField(
        required=False, min_value=1, help_text="Of the checks in the printer, above every number used before."
    )


class CheckRuns(Rows):
    """Checks written together, with the issue file for the bank (positive pay) in `content`."""

    queryset = CheckRun.objects.all()
    serializer_class = CheckRunShown
    filterset_fields: ClassVar = ["bank_account", "issued_on"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.CASH_WRITE

    @creates(NewCheckRun)
    def create(self, asked: dict[str, Any]) -> CheckRun:
        """Write every approved check of a bank account."""
        return checks.issue_run(
            bank_account_id=asked["bank_account"], first_number=asked.get("first_number"), actor=self.actor
        )


class ScreeningShown(Shown):
    class Meta:
        model = Screening
        fields: ClassVar = [
            "id", "subject_id", "name", "lists", "matches", "state", "decided_by", "decided_reason", "screened_at",
            "decided_at",
        ]  # fmt: skip


class Screenings(Rows):
    """Names compared with lists of blocked persons, and what a person said of possible matches."""

    queryset = Screening.objects.all()
    serializer_class = ScreeningShown
    filterset_fields: ClassVar = ["state", "subject_id"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.APPROVALS_DECIDE

    @acts(WithReason)
    def clear(self, id: str, asked: dict[str, Any]) -> Screening:
        """Say that a possible match is someone else."""
        return screening.clear(screening_id=id, reason=asked["reason"], actor=self.actor)

    @acts(WithReason)
    def block(self, id: str, asked: dict[str, Any]) -> Screening:
        """Say that it is the listed person: nothing goes out."""
        return screening.block(screening_id=id, reason=asked["reason"], actor=self.actor)


routes = [("disbursements", Disbursements), ("check-runs", CheckRuns), ("screenings", Screenings)]
