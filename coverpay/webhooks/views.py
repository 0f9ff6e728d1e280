"""Webhook pages: endpoints, deliveries with every try."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel.errors import DomainError, Forbidden, NotFound
from coverpay.webhooks import deliveries, endpoints, queries, signing
from coverpay.webhooks.endpoints import IssuedEndpoint
from coverpay.webhooks.forms import DeliveryFilters, EndpointForm
from coverpay.webhooks.models import Delivery

READ, WRITE = Permission.WEBHOOKS_READ, Permission.WEBHOOKS_WRITE


class Endpoints(StaffPage, TemplateView):
    """The organization's endpoints; a new secret is shown once, on the answer that made it."""

    reads = READ
    writes = WRITE
    template_name = "webhooks/endpoint/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", EndpointForm())
        can_edit = access.may(self.actor, WRITE) and self.actor.organization_id is not None
        return super().get_context_data(endpoints=queries.endpoints_of(self.actor), can_edit=can_edit, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = EndpointForm(request.POST)
        if form.is_valid():
            try:
                return self.show_secret(endpoints.create(**form.cleaned_data, actor=self.actor))
            except (Forbidden, NotFound):
                raise
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.message)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def show_secret(self, issued: IssuedEndpoint) -> HttpResponse:
        response = self.render_to_response(self.get_context_data(issued=issued))
        response["Cache-Control"] = "no-store"
        return response


class RotateSecret(Endpoints):
    """Make a new signing secret; the old one signs for another day."""

    reads = WRITE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self.show_secret(endpoints.rotate_secret(endpoint_id=kwargs["endpoint_id"], actor=self.actor))


class Disable(ActionPage):
    """Stop sending to an endpoint."""

    reads = writes = WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        endpoint = endpoints.disable(endpoint_id=kwargs["endpoint_id"], actor=self.actor)
        return f"Nothing is sent to {endpoint.url} any more."

    def back(self, **kwargs: str) -> str:
        return reverse("webhooks:list")


class Enable(Disable):
    """Send to an endpoint again."""

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        endpoint = endpoints.enable(endpoint_id=kwargs["endpoint_id"], actor=self.actor)
        return f"Events go to {endpoint.url} again."


class Deliveries(ListPage):
    """What was told to whom, and what is still owed."""

    reads = READ
    template_name = "webhooks/delivery/list.html"
    filters = DeliveryFilters

    def rows(self, filters: FilterForm) -> QuerySet[Delivery]:
        return queries.deliveries_listed(filters.value("show") or "", filters.value("endpoint") or "")


class DeliveryDetail(StaffPage, TemplateView):
    """One delivery: the message, and every try with what came back."""

    reads = READ
    template_name = "webhooks/delivery/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        delivery = queries.delivery(self.actor, self.kwargs["delivery_id"])
        undelivered = delivery.state != Delivery.State.DELIVERED and delivery.endpoint.disabled_at is None
        return super().get_context_data(
            delivery=delivery,
            body=signing.body_of(delivery.event).decode(),
            can_retry=undelivered and access.may(self.actor, WRITE),
            **kwargs,
        )


class Retry(ActionPage):
    """Try a delivery now."""

    reads = writes = WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        deliveries.retry(delivery_id=kwargs["delivery_id"], actor=self.actor)
        return "It is tried again now."

    def back(self, **kwargs: str) -> str:
        return reverse("webhooks:delivery", args=[kwargs["delivery_id"]])
