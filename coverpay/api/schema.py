"""The OpenAPI document: what the code says, with what every route shares (keys, problems) written once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from coverpay.api.errors import MEDIA_TYPE
from coverpay.api.idempotency import HEADER, MAX_KEY_LENGTH, REPLAYED

_COULD_NOT_READ = {"400": "The request could not be read, or its Idempotency-Key is missing."}
_WHO = {"401": "No key, or one that is unknown, expired or revoked.", "403": "The caller may not do this."}
_NO_ROW = {"404": "No such row, or one of another organization."}
_WRONG = {"422": "A field or a rule refuses it; `field` and `errors` say which."}
_ACTS = {
    "409": "The state does not allow it, or the Idempotency-Key belongs to another or an unfinished request.",
    "413": "The request is larger than we accept.",
    "503": "Someone else is working on the same policy; send it again.",
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "compliance.http.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of your organization."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "compliance.http.SessionActor"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A person signed in here."}


class FieldProblem(serializers.Serializer[Any]):
    field = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457. A problem may carry more members, such as `citation`, `permission` or `object_id`."""

    type = serializers.CharField(help_text="urn:coverpay:problem:<code>")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What was wrong and what to do.")
    code = serializers.CharField(help_text="Stable; branch on it.")
    field = serializers.CharField(required=False)
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]
    request_id = serializers.CharField()


class Schema(AutoSchema):
    """Describe a route: its key header when it is a POST, and the problems it may answer."""

    def get_operation_id(self) -> str:
        words, done = self._tokenize_path(), getattr(self.view, "action", self.method.lower())
        where = "_".join(words) if done in ("create", "list") else words[0]
        return f"{where}_{done}".replace("-", "_")

    def get_summary(self) -> str | None:
        handler = getattr(self.view, getattr(self.view, "action", self.method.lower()), None)
        said = (getattr(handler, "__doc__", None) or "").strip().partition("\n")[0]
        return said.rstrip(".") or None

    def get_override_parameters(self) -> list[Any]:
        if self.method != "POST":
            return []
        return [
            OpenApiParameter(
                name=HEADER,
                location=OpenApiParameter.HEADER,
                required=True,
                type={"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
                description=f"Unique to this request. Sent again, the first answer returns with `{REPLAYED}: true`.",
            )
        ]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status, text in self._problems().items():
            bodies.setdefault(status, self._problem(text))
        return bodies

    def _problems(self) -> dict[str, str]:
        found = dict(_WHO)
        if "{id}" in self.path:
            found |= _NO_ROW
        if self.method in ("POST", "PATCH"):
            found |= _COULD_NOT_READ | _ACTS | _WRONG
        elif self._is_list_view():
            found |= _WRONG
        return found

    def _problem(self, text: str) -> dict[str, Any]:
        component = self.resolve_serializer(Problem(), "response")
        return {"description": text, "content": {MEDIA_TYPE: {"schema": component.ref}}}


def document() -> dict[str, Any]:
    """Build the OpenAPI 3.1 document of this code."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def render() -> str:
    """Give the document as YAML, as it is kept in docs/api/openapi.yaml."""
    return OpenApiYamlRenderer().render(document(), renderer_context={}).decode()  # type: ignore[no-untyped-call,no-any-return]
