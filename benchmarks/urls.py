"""CoverPay's addresses and the one-insert view."""

from django.urls import path

from benchmarks.counting import one_insert
from coverpay.urls import urlpatterns as _coverpay

handler400 = "coverpay.api.errors.bad_request"
handler403 = "coverpay.api.errors.forbidden"
handler404 = "coverpay.api.errors.not_found"
handler500 = "coverpay.api.errors.server_error"

urlpatterns = [path("benchmark-limit", one_insert), *_coverpay]
