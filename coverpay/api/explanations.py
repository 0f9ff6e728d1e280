"""Why any one object's figures are what they are, under /v1, to whoever may see that object."""

from __future__ import annotations

from django.apps import apps
from django.db.models import ForeignKey, Model
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access, explanations
from compliance.access import Access
from compliance.http import Anyone
from compliance.models import Organization
from compliance.resources import Resource
from coverpay.kernel import ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid, NotFound
from coverpay.kernel.ids import IdField
from policies.api import WhyShown

FIELD = "subject"


class Explanations(Resource):
    """The derivations of the figures of one object: a charge, an invoice, an application of cash, a transaction."""

    serializer_class = WhyShown
    pagination_class = None
    reads = Anyone.OF_THE_ORGANIZATION

    @extend_schema(
        parameters=[OpenApiParameter(FIELD, str, required=True, description="The object's id.")],
        responses={200: WhyShown(many=True)},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """Why the figures of one object are what they are, as kept when each came to be; none when it has none."""
        subject = request.query_params.get(FIELD, "")
        if not subject:
            raise Invalid("Say which object: ?subject=<its id>.", field=FIELD)
        require_visible(self.actor, subject)
        return self.answer(explanations.of(subject), many=True)


def require_visible(actor: Actor, subject: str) -> None:
    """Check that an object is there and may be seen, itself or as part of what it belongs to. Raises: NotFound."""
    model = _model_of(subject)
    row = model._default_manager.filter(pk=subject).first() if model else None
    while row is not None and not _has_access(type(row)):
        row = _owner_of(row)
    if row is None:
        raise _nothing(subject)
    try:
        access.get(actor, type(row)._default_manager.all(), str(row.pk), field=FIELD)
    except NotFound:
        raise _nothing(subject) from None  # never the name of the parent


def _model_of(subject: str) -> type[Model] | None:
    if not ids.is_id(subject):
        return None
    prefix = subject.partition("_")[0]
    return next(
        (model for model in apps.get_models() if isinstance(key := model._meta.pk, IdField) and key.prefix == prefix),
        None,
    )


def _has_access(model: type[Model]) -> bool:
    return isinstance(getattr(model, "ACCESS", None), Access)


def _owner_of(row: Model) -> Model | None:
    """What a row is part of: the parent on its way to an owner, as tests/architecture asks of every table."""
    for field in _parents(type(row)):
        if _leads_to_access(field.related_model):
            parent: Model = getattr(row, field.name)
            return parent
    return None


def _leads_to_access(model: type[Model]) -> bool:
    return _has_access(model) or any(_leads_to_access(field.related_model) for field in _parents(model))


def _parents(model: type[Model]) -> list[ForeignKey[Model, Model]]:
    found = [field for field in model._meta.get_fields() if isinstance(field, ForeignKey) and not field.null]
    return [field for field in found if field.related_model not in (model, Organization)]


def _nothing(subject: str) -> NotFound:
    return NotFound(f"No object {subject}.", field=FIELD)


routes = [("explanations", Explanations)]
