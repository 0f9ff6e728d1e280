"""Addresses of the settings pages, approvals and rules."""

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
    path("approvals/", views.Approvals.as_view(), name="approvals"),
    path("approvals/<id:permit_id>/", views.DecidePermit.as_view(), name="approval"),
    path("rules/", views.Rules.as_view(), name="rules"),
    path("rules/decide/", views.DecideRule.as_view(), name="decide-rule"),
    path("rules/moratoriums/", views.Moratoriums.as_view(), name="moratoriums"),
    path("rules/moratoriums/<id:moratorium_id>/lift/", views.LiftMoratorium.as_view(), name="lift-moratorium"),
]
