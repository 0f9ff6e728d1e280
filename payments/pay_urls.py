"""Addresses of the pages where payors pay without signing in."""

from __future__ import annotations

from django.urls import path

from payments.views import pay, pay_methods

app_name = "pay"
urlpatterns = [
    path("at/<str:code>/", pay.LookUp.as_view(), name="guest"),
    path("to/<id:link_id>/", pay.Choose.as_view(), name="choose"),
    path("to/<id:link_id>/card/", pay_methods.Enter.as_view(), name="enter"),
    path("to/<id:link_id>/details/", pay_methods.Details.as_view(), name="details"),
    path("to/<id:link_id>/agree/", pay_methods.Agree.as_view(), name="agree"),
    path("to/<id:link_id>/review/", pay.Confirm.as_view(), name="review"),
    path("to/<id:link_id>/status/", pay.Status.as_view(), name="status"),
    path("to/<id:link_id>/receipt/", pay.Document.as_view(), name="receipt"),
    path("<str:secret>/", pay.Open.as_view(), name="open"),
    path("<str:secret>/<path:more>", pay.Nothing.as_view(), name="nothing"),
]
