"""Settings of every environment. An environment is its variables: see .env.example and docs/configuration.md.

Each topic has a module of its own; this one puts them together and says what Django itself needs.
"""

from promoplatform.settings.admin import *  # noqa: F403
from promoplatform.settings.celery import *  # noqa: F403
from promoplatform.settings.database import *  # noqa: F403
from promoplatform.settings.domain import *  # noqa: F403
from promoplatform.settings.email import *  # noqa: F403
from promoplatform.settings.environment import *  # noqa: F403
from promoplatform.settings.environment import BASE_DIR, DEBUG
from promoplatform.settings.kinds import list_backend_apps
from promoplatform.settings.logging import *  # noqa: F403
from promoplatform.settings.rest import *  # noqa: F403
from promoplatform.settings.security import *  # noqa: F403

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "accounts.apps.AllauthAccountConfig",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_prometheus",
    "pghistory",
    "pgtrigger",
    "django_celery_beat",
    "core",
    "mailings",
    "integrations",
    "promoplatform.demo",
    "backoffice",
    "accounts",
    "segments",
    "redemptions",
    "promotions",
    "discounts",
    "coupons",
    "vouchers",
    "checkout",
    *list_backend_apps(),
]
MIDDLEWARE = [
    "core.middleware.MetricsMiddleware",
    "core.middleware.RequestIdMiddleware",
    "accounts.api.cors.CorsMiddleware",
    "core.message_languages.LanguageMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.ContentSecurityPolicyMiddleware",
    "core.middleware.PermissionsPolicyMiddleware",
    "core.health.HealthCheckMiddleware",
    "core.middleware.RequestValidationMiddleware",
    "core.middleware.BrowserSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.middleware.BrowserAuthMiddleware",
    "accounts.middleware.AssuranceMiddleware",
    "core.middleware.AuditContextMiddleware",
    "core.middleware.BrowserMessagesMiddleware",
    "accounts.middleware.BrowserAccountMiddleware",
    "accounts.middleware.SessionLifetimeMiddleware",
    "backoffice.base.csp.AdminCSPMiddleware",
    "accounts.middleware.AccessLogMiddleware",
]
ROOT_URLCONF = "promoplatform.urls"
WSGI_APPLICATION = "promoplatform.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = True
FORMAT_MODULE_PATH = ["promoplatform.formats"]
