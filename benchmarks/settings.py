"""CoverPay's settings, with a view that only inserts one row, and a header that counts SQL queries."""

from coverpay.settings import *  # noqa: F403
from coverpay.settings import MIDDLEWARE as _MIDDLEWARE

ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE = ["benchmarks.counting.QueryCount", *_MIDDLEWARE]
LOGGING_CONFIG = None
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
