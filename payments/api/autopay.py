"""Autopay under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from payments import autopay
from payments.models import Autopay


class AutopayShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    payment_method = serializers.CharField(source="payment_method_id", read_only=True, allow_null=True)
    fallback = serializers.CharField(source="fallback_id", read_only=True, allow_null=True)

    class Meta:
        model = Autopay
        fields: ClassVar = ["id", "policy", "method", "payment_method", "fallback", "created_at", "ended_at"]


class NewAutopay(Asked):
    policy = serializers.CharField(max_length=40)
    payment_method = serializers.CharField(max_length=40, required=False, help_text="A method that is kept.")
    fallback = serializers.CharField(max_length=40, required=False, help_text="Another one, when the first fails.")
    method = serializers.ChoiceField(choices=["card", "ach"], required=False, help_text="Of a bare token.")
    token = serializers.CharField(
        max_length=120, required=False, help_text="The processor's token; never a card or account number."
    )


class EndedAutopay(Asked):
    reason = serializers.CharField(max_length=200)


class Autopays(Rows):
    """Methods that pay a policy's invoices when they fall due."""

    queryset = Autopay.objects.all()
    serializer_class = AutopayShown
    filterset_fields: ClassVar = ["policy"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewAutopay)
    def create(self, asked: dict[str, Any]) -> Autopay:
        """Enrol a method; one enrolled before is ended."""
        return autopay.enrol(
            policy_id=asked["policy"],
            payment_method_id=asked.get("payment_method"),
            fallback_id=asked.get("fallback"),
            method=asked.get("method", ""),
            token=asked.get("token", ""),
            actor=self.actor,
        )

    @acts(EndedAutopay)
    def end(self, id: str, asked: dict[str, Any]) -> Autopay:
        """End an enrolment; what is on its way already goes on."""
        return autopay.end(autopay_id=id, reason=asked["reason"], actor=self.actor)


routes = [("autopays", Autopays)]
