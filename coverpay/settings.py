"""Settings, every one that differs by installation read from the environment (12-factor, django-environ)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ
import font_source_sans_pro
import structlog
from celery.schedules import crontab
from django.templatetags.static import static
from kombu import Exchange, Queue

from coverpay.masking import MaskingFormatter, mask

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR_DIR = Path(env("COVERPAY_VAR", default=str(BASE_DIR / "var")))
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="only-for-a-machine-of-your-own-set-SECRET_KEY-elsewhere")
FINGERPRINT_KEY = env("FINGERPRINT_KEY", default=SECRET_KEY)
VAULT_KEYS = env.list("VAULT_KEYS", default=["b25seS1mb3ItYS1tYWNoaW5lLW9mLXlvdXItb3duLi4="])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BEHIND_TLS = env.bool("BEHIND_TLS", default=False)

INSTALLED_APPS = [
    "coverpay",
    "coverpay.api",
    "coverpay.webhooks",
    "payments",
    "billing",
    "policies",
    "reconciliation",
    "compliance",
    "unfold.apps.BasicAppConfig",
    "coverpay.admin_site.FinanceAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_fsm",
    "pgtrigger",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "lucide",
    "django_structlog",
    "django_prometheus",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "coverpay.api.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "coverpay.api.requests.RequestLogMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "coverpay.api.card_numbers.CardNumberMiddleware",
    "coverpay.api.idempotency.IdempotencyMiddleware",
    "coverpay.api.errors.DomainErrorMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "coverpay.urls"
WSGI_APPLICATION = "coverpay.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "coverpay.dashboard.context.shell",
            ],
            "builtins": ["coverpay.templatetags.ui"],
        },
    }
]

DATABASES = {
    "default": {
        **env.db("DATABASE_URL", default="postgres://coverpay@127.0.0.1:5432/coverpay"),
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
# Only statements of a server-side cursor are prepared (the ledger's posting). A pooler that cannot keep them: null.
DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 5)
# Each trigger of pgtrigger asks which triggers to leave out. Unset, that is an error it catches: a subtransaction
# undone for every row, which goes through all that waits for the commit. So it is set, to none.
DATABASES["default"]["OPTIONS"].setdefault("options", "-c pgtrigger.ignore={}")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # Waits after failed tries are kept there; nobody shall wash them out by trying much else.
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    }
}

AUTH_USER_MODEL = "compliance.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "coverpay.accounts.InvitedOnly"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "CoverPay"

UNFOLD = {
    "SITE_TITLE": "CoverPay finance",
    "SITE_HEADER": "CoverPay finance",
    "SITE_SUBHEADER": "Read-only",
    "SITE_SYMBOL": "umbrella",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/mark.svg")}],
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "SIDEBAR": {"show_search": True, "show_all_applications": True},
    "COLORS": {
        # The petrol of static/css/tokens.css, light to dark.
        "primary": {
            "50": "#eef7f6",
            "100": "#d6ecea",
            "200": "#aedad6",
            "300": "#7cc2bc",
            "400": "#48a29c",
            "500": "#21847e",
            "600": "#0b6a65",
            "700": "#0b5f5b",
            "800": "#084845",
            "900": "#073a38",
            "950": "#032221",
        },
    },
}

DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="CoverPay <no-reply@coverpay.localhost>")
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)
EMAIL_BACKEND = env("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
DATE_FORMAT, DATETIME_FORMAT = "Y-m-d", "Y-m-d H:i"
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS: list[Any] = [BASE_DIR / "static", ("fonts", font_source_sans_pro.font_directory)]
HASHED_STATIC = env.bool("HASHED_STATIC", default=False)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        if HASHED_STATIC
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not HASHED_STATIC

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_AGE = 12 * 3600
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["compliance.http.ApiKeyAuthentication", "compliance.http.SessionActor"],
    "DEFAULT_PERMISSION_CLASSES": ["compliance.http.HasPermission"],
    "DEFAULT_PAGINATION_CLASS": "coverpay.api.pagination.ById",
    "DEFAULT_FILTER_BACKENDS": ["compliance.filters.Filters"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "coverpay.api.schema.Schema",
    "EXCEPTION_HANDLER": "coverpay.api.errors.problem",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "CoverPay API",
    "DESCRIPTION": "Insurance payment infrastructure: policies, invoices, payments, ledger and reconciliation.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": [],
}
IDEMPOTENCY_LEASE_SECONDS = env.int("IDEMPOTENCY_LEASE_SECONDS", default=60)
IDEMPOTENCY_KEEP_DAYS = env.int("IDEMPOTENCY_KEEP_DAYS", default=7)
METRICS_TOKEN = env("METRICS_TOKEN", default="")

REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL
# A message is a wake-up and nothing more: it is gone once popped, and never restored. (Restoring also ends the worker
# when the broker restarts under a running task: kombu 5.7 closes channels of a connection that is closed already.)
# A broker that is away is given up at once: the caller waits milliseconds for a wake-up it does not need.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "ack_emulation": False,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "coverpay"
# Sweeps have a queue of their own, which workers empty in turn with the other: a burst of wake-ups, longer than a sweep
# waits before it expires, would otherwise keep every sweep from running.
SWEEP_QUEUE = "sweeps"
CELERY_TASK_QUEUES = [
    Queue(name, Exchange(name, type="direct"), routing_key=name) for name in (CELERY_TASK_DEFAULT_QUEUE, SWEEP_QUEUE)
]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=15)
CELERY_BEAT_SCHEDULE = {
    name: {"task": name, "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS, "queue": SWEEP_QUEUE}}
    for name in (
        "payments.sweep",
        "payments.sweep_disbursements",
        "payments.sweep_inbound",
        "payments.sweep_recovery",
        "payments.emit_sandbox_webhooks",
        "webhooks.sweep",
    )
}

CELERY_BEAT_SCHEDULE["payments.sweep_ach"] = {
    "task": "payments.sweep_ach",
    "schedule": env.int("ACH_SWEEP_SECONDS", default=300),
    "options": {"expires": 300},
}
CELERY_BEAT_SCHEDULE["payments.watch_return_rates"] = {"task": "payments.watch_return_rates", "schedule": 3600}
CATCH_UP_SECONDS = env.int("CATCH_UP_SECONDS", default=600)
CELERY_BEAT_SCHEDULE["payments.catch_up"] = {
    "task": "payments.catch_up",
    "schedule": CATCH_UP_SECONDS,
    "options": {"expires": CATCH_UP_SECONDS, "queue": SWEEP_QUEUE},
}
CELERY_BEAT_SCHEDULE["payments.forewarn"] = {"task": "payments.forewarn", "schedule": 3600}
CELERY_BEAT_SCHEDULE["api.forget_old_requests"] = {"task": "api.forget_old_requests", "schedule": 3600}
CELERY_BEAT_SCHEDULE["nightly.begin"] = {
    "task": "nightly.begin",
    "schedule": crontab(hour=env.int("NIGHTLY_HOUR", default=6), minute=10),  # UTC: night over all of America
}

SANDBOX_ENABLED = env.bool("SANDBOX_ENABLED", default=True)
SANDBOX_FILE = Path(env("SANDBOX_FILE", default=str(VAR_DIR / "sandbox.sqlite3")))
PUBLIC_URL = env("PUBLIC_URL", default="http://127.0.0.1:8000")
REFUND_LIMIT_MINOR = env.int("REFUND_LIMIT_MINOR", default=1_000_000)
TRUST_WITHDRAWAL_LIMIT_MINOR = env.int("TRUST_WITHDRAWAL_LIMIT_MINOR", default=2_500_000)
DISBURSEMENT_LIMIT_MINOR = env.int("DISBURSEMENT_LIMIT_MINOR", default=100_000)
ANNOUNCEMENT_LATE_DAYS = env.int("ANNOUNCEMENT_LATE_DAYS", default=5)
CHECK_STALE_DAYS = env.int("CHECK_STALE_DAYS", default=180)
SCREENING_CHECK = env("SCREENING_CHECK", default="compliance.screening.by_lists")
ATTEMPT_LEASE_SECONDS = env.int("ATTEMPT_LEASE_SECONDS", default=60)
# How long to wait between questions to a processor about a charge; after the last, a person decides.
ATTEMPT_CHECK_SECONDS = env.list("ATTEMPT_CHECK_SECONDS", cast=int, default=[30, 60, 120, 300, 900, 3600, 10800, 43200])
BREAKER_FAILURES = env.int("BREAKER_FAILURES", default=5)
BREAKER_WAIT_SECONDS = env.int("BREAKER_WAIT_SECONDS", default=30)
BREAKER_MAX_WAIT_SECONDS = env.int("BREAKER_MAX_WAIT_SECONDS", default=900)
BREAKER_TRIAL_SECONDS = env.int("BREAKER_TRIAL_SECONDS", default=120)
WEBHOOKS_ALLOW_PRIVATE_TARGETS = env.bool("WEBHOOKS_ALLOW_PRIVATE_TARGETS", default=False)

DJANGO_STRUCTLOG_CELERY_ENABLED = False
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": MaskingFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ExtraAdder(),
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
}
