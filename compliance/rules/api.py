"""Rule facts, what they come to, people's decisions and moratoriums under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access, moratoriums
from compliance.models import Moratorium, RuleDecision
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from compliance.rules import decisions, facts, lookup
from compliance.rules.facts import Fact
from compliance.rules.lookup import ADMITTED, Ruled
from coverpay.kernel.errors import Invalid

PAGE_SIZE = 100


class FactShown(serializers.Serializer[Any]):
    """One fact of the research data."""

    id = serializers.CharField()
    rule = serializers.CharField()
    jurisdiction = serializers.CharField(help_text="A state, or US.")
    line = serializers.CharField()
    admitted_status = serializers.CharField()
    conditions = serializers.JSONField()
    value = serializers.JSONField(help_text="null where it was not established.")
    unit = serializers.CharField()
    effective_from = serializers.DateField(allow_null=True)
    effective_to = serializers.DateField(allow_null=True)
    citation = serializers.CharField()
    verify = serializers.BooleanField(help_text="Not to be used before a person has decided.")
    verify_reason = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField()
    sources = serializers.ListField(child=serializers.CharField())


class FactPage(serializers.Serializer[Any]):
    data = FactShown(many=True)  # type: ignore[assignment]  # a field, which DRF takes out of the class
    next = serializers.CharField(allow_null=True)


class RuleFacts(Resource):
    """Facts about the law of each state, with source and whether they may be used as they are."""

    serializer_class = FactPage
    pagination_class = None
    reads = Permission.RULES_READ
    parameters: ClassVar = ("rule", "jurisdiction", "topic", "after")

    @extend_schema(
        parameters=[OpenApiParameter(name, str) for name in parameters], responses={200: FactPage}, filters=False
    )
    def list(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in self.parameters}
        for name in request.query_params:
            if name not in asked:
                known = ", ".join(self.parameters)
                raise Invalid(f"There is no such parameter; the parameters are: {known}.", field=name)
        after = asked.pop("after")
        found = facts.search(**asked)
        start = _place_after(found, after) if after else 0
        page = found[start : start + PAGE_SIZE]
        more = len(found) > start + PAGE_SIZE
        return self.answer({"data": page, "next": page[-1].id if more else None})


def _place_after(found: list[Fact], after: str) -> int:
    for place, fact in enumerate(found):
        if fact.id == after:
            return place + 1
    raise Invalid("`after` must be the id of a fact in this list.", field="after")


class ConsideredShown(serializers.Serializer[Any]):
    """What was looked at, and why it was taken or passed over."""

    id = serializers.CharField()
    jurisdiction = serializers.CharField()
    line = serializers.CharField()
    conditions = serializers.JSONField()
    value = serializers.JSONField()
    verdict = serializers.CharField()


class RuledShown(serializers.Serializer[Any]):
    """What a rule comes to. Use the value only when `needs_decision` is empty."""

    rule = serializers.CharField()
    jurisdiction = serializers.CharField()
    line = serializers.CharField()
    value = serializers.JSONField()
    unit = serializers.CharField()
    citation = serializers.CharField()
    fact_id = serializers.CharField(allow_null=True)
    decision_id = serializers.CharField(allow_null=True)
    needs_decision = serializers.CharField(help_text="Why the value may not be used, and what to decide; or empty.")
    conditions = serializers.JSONField()
    note = serializers.CharField()
    considered = ConsideredShown(many=True)


class RuleQuestion(Asked):
    rule = serializers.CharField(max_length=80)
    jurisdiction = serializers.CharField(max_length=2)
    line = serializers.CharField(max_length=40, default="commercial_pc")
    admitted = serializers.ChoiceField(choices=ADMITTED, default="admitted")
    on = serializers.DateField()
    conditions = serializers.DictField(child=serializers.CharField(max_length=80), default=dict)


class RuleLookups(Resource):
    """Ask what a rule comes to: nothing is written."""

    serializer_class = RuledShown
    pagination_class = None
    reads = writes = Permission.RULES_READ

    @creates(RuleQuestion, gives=RuledShown)
    def create(self, asked: dict[str, Any]) -> Ruled:
        """Answer by precedence, with what was considered."""
        rule = asked.pop("rule")
        return lookup.lookup(access.organization_of(self.actor), rule, **asked)


class DecisionShown(Shown):
    class Meta:
        model = RuleDecision
        fields: ClassVar = [
            "id",
            "rule",
            "jurisdiction",
            "line",
            "conditions",
            "value",
            "unit",
            "fact_id",
            "citation",
            "reason",
            "decided_by",
            "decided_label",
            "decided_at",
            "effective_from",
        ]


class NewDecision(Asked):
    rule = serializers.CharField(max_length=80)
    jurisdiction = serializers.CharField(max_length=2)
    line = serializers.CharField(max_length=40, default="commercial_pc")
    conditions = serializers.DictField(child=serializers.CharField(max_length=80), default=dict)
    value = serializers.JSONField(help_text="A number, a text, true or false, or an object, as the rule has it.")
    unit = serializers.CharField(max_length=40, required=False)
    fact_id = serializers.CharField(max_length=40, required=False, help_text="The fact it confirms or overrides.")
    citation = serializers.CharField(max_length=2000, required=False)
    effective_from = serializers.DateField(required=False, help_text="Today when left out.")
    reason = serializers.CharField(max_length=300)


class RuleDecisions(Rows):
    """What people decided on rules that are not established. The latest one in force counts."""

    queryset = RuleDecision.objects.all()
    serializer_class = DecisionShown
    filterset_fields: ClassVar = ["rule", "jurisdiction", "line"]
    reads = Permission.RULES_READ
    writes = Permission.RULES_DECIDE

    @creates(NewDecision)
    def create(self, asked: dict[str, Any]) -> RuleDecision:
        """Decide a value, with the reason."""
        return decisions.decide(**asked, actor=self.actor)


class MoratoriumShown(Shown):
    class Meta:
        model = Moratorium
        fields: ClassVar = [
            "id",
            "name",
            "state_code",
            "postal_prefixes",
            "starts_on",
            "ends_on",
            "citation",
            "lifted_on",
            "created_at",
        ]


class NewMoratorium(Asked):
    name = serializers.CharField(max_length=160)
    state_code = serializers.ChoiceField(choices=facts.STATES)
    postal_prefixes = serializers.ListField(
        child=serializers.CharField(max_length=12), default=list, help_text="Empty: the whole state."
    )
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(help_text="The last day of it.")
    citation = serializers.CharField(max_length=2000, required=False)


class Lifting(Asked):
    on = serializers.DateField(required=False, help_text="Today when left out.")


class Moratoriums(Rows):
    """Stops on cancellation and its notices in a state or some of its postal areas."""

    queryset = Moratorium.objects.all()
    serializer_class = MoratoriumShown
    filterset_fields: ClassVar = ["state_code"]
    reads = Permission.RULES_READ
    writes = Permission.RULES_DECIDE

    @creates(NewMoratorium)
    def create(self, asked: dict[str, Any]) -> Moratorium:
        """Declare a moratorium."""
        return moratoriums.declare(**asked, actor=self.actor)

    @acts(Lifting)
    def lift(self, id: str, asked: dict[str, Any]) -> Moratorium:
        """End it early: from that day on it stops nothing."""
        return moratoriums.lift(moratorium_id=id, **asked, actor=self.actor)


routes = [
    ("rule-facts", RuleFacts),
    ("rule-lookups", RuleLookups),
    ("rule-decisions", RuleDecisions),
    ("moratoriums", Moratoriums),
]
