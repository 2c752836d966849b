"""Settings of the site, read from the environment; the defaults let a fresh clone run.

Each ``GVSIR_*`` variable is explained in README and checked in :mod:`gvsir.checks`.
"""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env, validate

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
FIXTURES_DIR = BASE_DIR / "fixtures"

DEBUG = env.bool("GVSIR_DEBUG", False)
# A key for a database on one's own machine; check --deploy refuses it in production.
SECRET_KEY = env.str("GVSIR_SECRET_KEY", "django-insecure-local-only-set-GVSIR_SECRET_KEY-in-production")
ALLOWED_HOSTS = env.list("GVSIR_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "gvsir",
    "annotation",
    "bench",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "simple_history",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "gvsir.middleware.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "gvsir.middleware.NullCharacterMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

ROOT_URLCONF = "gvsir.urls"
WSGI_APPLICATION = "gvsir.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.debug",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gvsir.context_processors.site",
            ],
        },
    },
]

DATABASES = {"default": env.dj_db_url("GVSIR_DATABASE_URL", f"sqlite:///{Path.cwd() / 'gvsir.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_ADAPTER = "gvsir.accounts.ClosedSignupAdapter"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

LANGUAGE_CODE = env.str("GVSIR_LANGUAGE_CODE", "en", validate=validate.OneOf(["en", "zh-hans"]))
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
# No STATIC_ROOT: WhiteNoise serves what the finders find, so nothing has to be collected.
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "gvsir.staticfiles.PackageAssetFinder",
]
# Browser assets taken file by file from installed packages: URL -> (package, path in it).
PACKAGE_ASSETS = {
    "vendor/bootstrap/bootstrap.min.css": ("bootstrap", "static/bootstrap/css/bootstrap.min.css"),
    "vendor/plotly/plotly.min.js": ("plotly", "package_data/plotly.min.js"),
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
MEDIA_ROOT = env.path("GVSIR_MEDIA_ROOT", Path.cwd() / "media")

SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
if env.bool("GVSIR_HTTPS", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",  # first: it makes 401 answer how to sign in
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["gvsir.api.permissions.ActionPermission"],
    "DEFAULT_FILTER_BACKENDS": ["gvsir.api.filters.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "gvsir.api.pagination.StableCursorPagination",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "300/min", "user": "1200/min"},
    "EXCEPTION_HANDLER": "gvsir.api.errors.exception_handler",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "GVSIR API",
    "DESCRIPTION": (
        "Incidents, codings, benchmark items, responses and scores, each traceable to its source.\n\n"
        "**Signing in.** Reading needs no account; an account adds what its role may see. Programs send "
        "`Authorization: Token KEY`; `gvsir drf_create_token USERNAME` makes the key.\n\n"
        "**Lists** come in pages: follow `next` until it is null; `page_size` is at most 500. An unknown "
        "parameter is refused, never ignored.\n\n"
        '**Errors** have one shape: `{"error": {"code", "message", "fields"}}`. A text you may not see is '
        "null and `withheld` says why."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "IncidentStatusEnum": "gvsir.models.incident.Incident.Status",
        "CoderKindEnum": "gvsir.models.classification.Coder.Kind",
        "RoundStatusEnum": "annotation.models.codebook.Round.Status",
        "AssignmentStatusEnum": "annotation.models.coding.Assignment.Status",
        "StanceEnum": "annotation.models.coding.Assignment.Stance",
        "MemoKindEnum": "annotation.models.coding.Memo.Kind",
        "ItemStatusEnum": "bench.models.item.Item.Status",
        "LanguageModelKindEnum": "bench.models.language_model.LanguageModel.Kind",
        "JudgeKindEnum": "bench.models.language_model.Judge.Kind",
        "RunStatusEnum": "bench.models.run.Run.Status",
        "ResponseStateEnum": "bench.models.run.Response.State",
        "JudgementStateEnum": "bench.models.run.Judgement.State",
    },
}

#: Seconds after its last sign of life for which a worker's claims are its own; then others take its work.
RUN_LEASE_SECONDS = 60
#: What the process that serves the site does beside serving, with the default queue: execute waiting runs.
EMBEDDED_WORKER = "bench.worker.start_embedded_worker"
#: Who is told that a run waits: nobody (database: workers look), this very process (inline), a Celery broker.
QUEUE = env.str("GVSIR_QUEUE", "database")
BROKER_URL = env.str("GVSIR_BROKER_URL", "")
TASKS = {
    "default": {
        "BACKEND": {
            "inline": "django_tasks.backends.immediate.ImmediateBackend",
            "database": "django_tasks_db.DatabaseBackend",
            "celery": "gvsir.celery_queue.CeleryBackend",
        }.get(QUEUE, "django_tasks_db.DatabaseBackend"),
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
