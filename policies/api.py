"""Parties, programs, policies and imports under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from compliance import explanations
from compliance.models import Explanation
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, shows
from coverpay.kernel.money import Money
from policies import imports, lifecycle, parties
from policies.models import Charge, Party, Policy, PolicyImport, ProgramVersion, Term
from policies.parties import PartyDetails


class PartyShown(Shown):
    class Meta:
        model = Party
        fields: ClassVar = [
            "id",
            "reference",
            "name",
            "email",
            "address_line",
            "city",
            "state",
            "postal_code",
            "created_at",
        ]


class NewParty(Asked):
    reference = serializers.CharField(max_length=80, help_text="Your own number for this party.")
    name = serializers.CharField(max_length=200)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    address_line = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    state = serializers.RegexField(r"^[A-Z]{2}$", required=False, default="", allow_blank=True)
    postal_code = serializers.CharField(max_length=12, required=False, default="", allow_blank=True)


class Parties(Rows):
    """Insureds, payors and others named on policies."""

    queryset = Party.objects.all()
    serializer_class = PartyShown
    filterset_fields: ClassVar = ["reference"]
    reads = Permission.POLICIES_READ
    writes = Permission.POLICIES_WRITE

    @creates(NewParty)
    def create(self, asked: dict[str, Any]) -> Party:
        """Name a party, or find the one of the same reference."""
        return parties.create(details=PartyDetails(**asked), actor=self.actor)


class ProgramShown(Shown):
    program = serializers.CharField(source="program.code", read_only=True)
    name = serializers.CharField(source="program.name", read_only=True)
    carrier = serializers.CharField(source="program.carrier_id", read_only=True)

    class Meta:
        model = ProgramVersion
        fields: ClassVar = ["id", "program", "name", "carrier", "number", "effective_from", "states", "terms"]


class Programs(Rows):
    """Programs: every version of their terms."""

    queryset = ProgramVersion.objects.select_related("program")
    serializer_class = ProgramShown
    reads = Permission.POLICIES_READ


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
        fields: ClassVar = ["id", "number", "state_code", "effective_on", "expires_on", "program_version", "plan_code"]


class PolicyShown(Shown):
    insured = PartyShown(read_only=True)
    program = serializers.CharField(source="program.code", read_only=True)
    terms = TermShown(many=True, read_only=True)
    charges = ChargeShown(many=True, read_only=True)

    class Meta:
        model = Policy
        fields: ClassVar = ["id", "number", "state", "program", "insured", "terms", "charges", "created_at"]


class NewQuote(Asked):
    number = serializers.CharField(max_length=60)
    program = serializers.CharField(max_length=40, help_text="The program's code.")
    insured = NewParty()
    state = serializers.RegexField(r"^[A-Z]{2}$", help_text="Where the risk is.")
    effective_on = serializers.DateField()
    expires_on = serializers.DateField()
    premium_minor = serializers.IntegerField(min_value=1, max_value=10**15)
    currency = serializers.CharField(max_length=3, default="USD")
    plan = serializers.CharField(max_length=40, help_text="The payment plan's code.")
    agency_code = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)


class Declined(Asked):
    reason = serializers.CharField(max_length=300)


class WhyShown(Shown):
    class Meta:
        model = Explanation
        fields: ClassVar = [
            "subject_id",
            "figure",
            "amount_minor",
            "currency",
            "formula",
            "inputs",
            "rule",
            "rule_version",
            "citation",
            "recorded_at",
        ]


class Policies(Rows):
    """Policies: quote, bind, decline."""

    queryset = Policy.objects.select_related("insured", "program").prefetch_related("terms", "charges")
    serializer_class = PolicyShown
    filterset_fields: ClassVar = ["number", "state"]
    reads = Permission.POLICIES_READ
    writes = Permission.POLICIES_WRITE

    @creates(NewQuote)
    def create(self, asked: dict[str, Any]) -> Policy:
        """Quote a policy: its charges by component, each with its derivation. Nothing is owed until it is bound."""
        premium = Money(asked.pop("premium_minor"), asked.pop("currency"))
        insured = PartyDetails(**asked.pop("insured"))
        request = lifecycle.QuoteRequest(**asked, premium=premium, insured=insured)
        return lifecycle.quote(request=request, actor=self.actor)

    @acts()
    def bind(self, id: str, asked: dict[str, Any]) -> Policy:
        """Turn the quote into cover; its installments are set by the payment plan."""
        return lifecycle.bind(policy_id=id, actor=self.actor)

    @acts(Declined)
    def decline(self, id: str, asked: dict[str, Any]) -> Policy:
        """Close the quote without cover."""
        return lifecycle.decline(policy_id=id, reason=asked["reason"], actor=self.actor)

    @shows(WhyShown, many=True)
    def why(self, id: str) -> list[Explanation]:
        """Why each charge is what it is."""
        policy = self.get_object()
        return explanations.of(*Charge.objects.filter(policy_id=policy.pk).values_list("id", flat=True))


class ImportShown(Shown):
    class Meta:
        model = PolicyImport
        fields: ClassVar = [
            "id",
            "file_name",
            "content_sha256",
            "state",
            "row_count",
            "policy_count",
            "problem_count",
            "problems",
            "created_at",
        ]


class NewImport(Asked):
    file = serializers.FileField(help_text="CSV, UTF-8, with a header.")


class Imports(Rows):
    """Policy files: imported whole, or refused with every problem by row and column."""

    queryset = PolicyImport.objects.all()
    serializer_class = ImportShown
    filterset_fields: ClassVar = ["state"]
    parser_classes = (MultiPartParser,)
    reads = Permission.POLICIES_WRITE
    writes = Permission.POLICIES_WRITE

    @creates(NewImport)
    def create(self, asked: dict[str, Any]) -> PolicyImport:
        """Import a CSV file of policies. The same content again changes nothing."""
        file = asked["file"]
        return imports.import_policies(file=file, file_name=file.name, actor=self.actor)


routes = [
    ("parties", Parties),
    ("programs", Programs),
    ("policies", Policies),
    ("policy-imports", Imports),
]
