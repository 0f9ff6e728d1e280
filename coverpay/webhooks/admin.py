"""The finance admin of outgoing webhooks."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly
from coverpay.webhooks.models import Delivery, DeliveryTry, Endpoint


class Tries(Part):
    model = DeliveryTry
    fields: ClassVar = ["number", "at", "status", "error", "response", "milliseconds"]


@admin.register(Endpoint)
class EndpointAdmin(ScopedReadOnly):
    hides = frozenset({"secret_sealed", "previous_secret_sealed"})
    list_display: ClassVar = ["id", "url", "description", "created_at", "disabled_at"]
    list_filter: ClassVar = ["disabled_at"]
    search_fields: ClassVar = ["=id", "url"]


@admin.register(Delivery)
class DeliveryAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "event", "endpoint", "state", "try_count", "next_try_at", "delivered_at"]
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "=event__id", "event__type__startswith"]
    inlines: ClassVar = [Tries]
