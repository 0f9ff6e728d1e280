"""Accounts at processors and routing tables under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, creates
from payments import accounts
from payments.models import GatewayAccount, RoutingTable


class AccountShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)

    class Meta:
        model = GatewayAccount
        fields: ClassVar = ["id", "gateway", "merchant", "bank_account", "created_at"]


class NewAccount(Asked):
    gateway = serializers.CharField(max_length=20)
    merchant = serializers.CharField(max_length=80)
    bank_account = serializers.CharField(max_length=40, help_text="Where payouts land.")


class GatewayAccounts(Rows):
    """The organization's accounts at processors."""

    queryset = GatewayAccount.objects.all()
    serializer_class = AccountShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewAccount)
    def create(self, asked: dict[str, Any]) -> GatewayAccount:
        """Connect a processor account."""
        return accounts.open_account(
            gateway=asked["gateway"],
            merchant=asked["merchant"],
            bank_account_id=asked["bank_account"],
            actor=self.actor,
        )


class RoutingShown(Shown):
    class Meta:
        model = RoutingTable
        fields: ClassVar = ["id", "number", "effective_from", "rules", "created_at"]


class Condition(Asked):
    method = serializers.ListField(child=serializers.ChoiceField(choices=["card", "ach"]), required=False)


class Rule(Asked):
    when = Condition(required=False, default=dict)
    gateway = serializers.CharField(max_length=20)


class NewRouting(Asked):
    rules = Rule(many=True)
    effective_from = serializers.DateField()


class RoutingTables(Rows):
    """Which gateway takes which payment: every version."""

    queryset = RoutingTable.objects.all()
    serializer_class = RoutingShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewRouting)
    def create(self, asked: dict[str, Any]) -> RoutingTable:
        """Publish the next routing table."""
        return accounts.publish_routing(**asked, actor=self.actor)


routes = [("gateway-accounts", GatewayAccounts), ("routing-tables", RoutingTables)]
