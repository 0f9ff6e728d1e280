"""Addresses of the settings pages."""

from __future__ import annotations

from django.urls import path

from compliance import views

app_name = "compliance"
urlpatterns = [
    path("settings/members/", views.Members.as_view(), name="members"),
    path("settings/members/<id:member_id>/role/", views.ChangeRole.as_view(), name="role"),
    path("settings/keys/", views.Keys.as_view(), name="keys"),
    path("settings/keys/<id:key_id>/revoke/", views.RevokeKey.as_view(), name="revoke-key"),
    path("settings/audit/", views.AuditList.as_view(), name="audit"),
]
