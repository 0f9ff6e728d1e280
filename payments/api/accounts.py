"""Accounts at processors, routing tables and dry runs of their drafts under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from coverpay.kernel import clock
from payments import accounts, dry_runs, health
from payments.models import Breaker, GatewayAccount, RoutingTable


class HealthShown(serializers.Serializer[Any]):
    up = serializers.BooleanField(help_text="Whether payments go there.")
    says = serializers.CharField(help_text="Since when and why not; empty while it is up.")


class AccountShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    health = serializers.SerializerMethodField()

    class Meta:
        model = GatewayAccount
        fields: ClassVar = [
            "id",
            "gateway",
            "merchant",
            "bank_account",
            "settings",
            "health",
            "created_at",
            "closed_at",
        ]

    @extend_schema_field(HealthShown)
    def get_health(self, account: GatewayAccount) -> dict[str, Any]:
        state = health.health_of(getattr(account, "breaker", None), clock.now())
        return {"up": state.up, "says": state.words}


class NewAccount(Asked):
    gateway = serializers.CharField(max_length=20)
    merchant = serializers.CharField(max_length=80)
    bank_account = serializers.CharField(max_length=40, help_text="Where payouts land.")
    credentials = serializers.DictField(
        child=serializers.CharField(max_length=accounts.MAX_SECRET),
        required=False,
        help_text="The keys the gateway asks for. They are sealed, and never shown again.",
    )
    settings = serializers.DictField(
        required=False, help_text="What else the gateway asks for; cost_ppm and cost_fixed_minor say its real costs."
    )
    webhook_secret = serializers.CharField(
        max_length=500, required=False, help_text="What the processor signs its webhooks with, where it makes that."
    )


class ChangedCredentials(Asked):
    credentials = serializers.DictField(child=serializers.CharField(max_length=accounts.MAX_SECRET), required=False)
    webhook_secret = serializers.CharField(max_length=500, required=False)


class ChangedSettings(Asked):
    settings = serializers.DictField()


class AccountReason(Asked):
    reason = serializers.CharField(max_length=200)


class BreakerShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)

    class Meta:
        model = Breaker
        fields: ClassVar = [
            "account",
            "failures_in_row",
            "last_failure_at",
            "last_failure",
            "opened_at",
            "retry_at",
        ]


class GatewayAccounts(Rows):
    """The organization's accounts at processors, with their health."""

    queryset = GatewayAccount.objects.select_related("breaker")
    serializer_class = AccountShown
    filterset_fields: ClassVar = ["gateway"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewAccount)
    def create(self, asked: dict[str, Any]) -> GatewayAccount:
        """Connect a processor account."""
        return accounts.open_account(bank_account_id=asked.pop("bank_account"), **asked, actor=self.actor)

    @acts(ChangedCredentials)
    def change_credentials(self, id: str, asked: dict[str, Any]) -> GatewayAccount:
        """Put other keys or another webhook secret in the place of those it has."""
        return accounts.change_credentials(account_id=id, **asked, actor=self.actor)

    @acts(ChangedSettings)
    def change_settings(self, id: str, asked: dict[str, Any]) -> GatewayAccount:
        """Put other settings in the place of those it has."""
        return accounts.change_settings(account_id=id, settings=asked["settings"], actor=self.actor)

    @acts(AccountReason, gives=BreakerShown)
    def take_down(self, id: str, asked: dict[str, Any]) -> Breaker:
        """Send payments round it until a person brings it back."""
        return health.take_down(account_id=id, reason=asked["reason"], actor=self.actor)

    @acts(AccountReason, gives=BreakerShown)
    def bring_back(self, id: str, asked: dict[str, Any]) -> Breaker:
        """Use it again at once."""
        return health.bring_back(account_id=id, reason=asked["reason"], actor=self.actor)

    @acts(AccountReason)
    def close(self, id: str, asked: dict[str, Any]) -> GatewayAccount:
        """Take no new payments by it; what it has goes on to its end."""
        return accounts.close_account(account_id=id, reason=asked["reason"], actor=self.actor)


class RoutingShown(Shown):
    class Meta:
        model = RoutingTable
        fields: ClassVar = ["id", "number", "effective_from", "rules", "created_at"]


class NewRouting(Asked):
    rules = serializers.ListField(
        child=serializers.DictField(),
        help_text="Rules in order: `to` (choices, `split` or `cheapest`), and maybe `when`, `name` and `only`.",
    )
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


class Draft(Asked):
    rules = serializers.ListField(child=serializers.DictField(), help_text="As for a routing table.")
    since = serializers.DateField()
    until = serializers.DateField(help_text="The last day, included.")
    limit = serializers.IntegerField(min_value=1, max_value=dry_runs.MOST, default=1_000, help_text="The latest ones.")


class TallyShown(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    cost_minor = serializers.IntegerField()


class RouteShareShown(serializers.Serializer[Any]):
    account = serializers.CharField(source="account_id")
    currency = serializers.CharField()
    was = TallyShown()
    would = TallyShown()
    difference_minor = serializers.IntegerField(help_text="What the account would take more, or less, in all.")


class Example(serializers.Serializer[Any]):
    payment = serializers.CharField(source="payment_id")
    why = serializers.CharField()


class DryRunShown(serializers.Serializer[Any]):
    payments = serializers.IntegerField()
    elsewhere = serializers.IntegerField(help_text="How many would go to another account.")
    refused = serializers.IntegerField(help_text="How many no rule would let through.")
    shares = RouteShareShown(many=True)
    examples = Example(many=True)


class RoutingDryRuns(Resource):
    """Draft rules on past payments."""

    queryset = RoutingTable.objects.none()
    serializer_class = DryRunShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_READ

    @creates(Draft)
    def create(self, asked: dict[str, Any]) -> dry_runs.DryRun:
        """Tell where past payments would have gone by draft rules, beside what happened. Nothing is written."""
        return dry_runs.dry_run(**asked, actor=self.actor)


routes = [
    ("gateway-accounts", GatewayAccounts),
    ("routing-tables", RoutingTables),
    ("routing-dry-runs", RoutingDryRuns),
]
