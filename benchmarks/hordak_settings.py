"""Settings of the comparison with django-hordak: its own database on the same server, nothing of CoverPay."""

import os

import environ

DATABASES = {"default": environ.Env.db_url_config(os.environ["HORDAK_DATABASE_URL"])}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"]
SECRET_KEY = "for the benchmark only"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_CURRENCY = "USD"
HORDAK_CURRENCIES = ["USD"]
HORDAK_INTERNAL_CURRENCY = "USD"
USE_TZ = True
