"""Settings for every environment: an environment is its variables (see .env.example and docs/configuration.md)."""

from pathlib import Path

from celery.schedules import crontab
from django.templatetags.static import static
from django.urls import reverse_lazy
from environs import Env, validate

from core import logs
from promoplatform.devserver import embedded

BASE_DIR = Path(__file__).resolve().parents[2]
env = Env()
env.read_env(str(BASE_DIR / ".env"), recurse=False)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "insecure-development-key-of-promoplatform-change-me-before-serving")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
BASE_URL = env.str("BASE_URL", f"http://127.0.0.1:{env.int('PORT', 8000)}").rstrip("/")
HTTPS = BASE_URL.startswith("https://")
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)

# --- where things are kept -------------------------------------------------------------------------------------------
_EMBEDDED = embedded.urls() if embedded.exists() else {}
DATABASE_URL = env.str("DATABASE_URL", _EMBEDDED.get("DATABASE_URL", "postgresql://promo@127.0.0.1:5432/promo"))
REDIS_URL = env.str("REDIS_URL", _EMBEDDED.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
DATABASES = {"default": env.dj_db_url("DATABASE_URL", DATABASE_URL)}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,
    "CONN_HEALTH_CHECKS": True,
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": {
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", 4), "timeout": 5},
        "options": (
            f"-c statement_timeout={env.int('STATEMENT_TIMEOUT_MS', 10_000)} -c lock_timeout=2000"
            " -c idle_in_transaction_session_timeout=30000"
        ),
    },
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "promo:cache",
    }
}
BATCHING = env.bool("BATCHING", True)
BATCH_MAX_QUEUE = env.int("BATCH_MAX_QUEUE", 1000)
BATCH_TIMEOUT_SECONDS = env.float("BATCH_TIMEOUT_SECONDS", 2.0)
COUPON_PROCESSES = env.int("COUPON_PROCESSES", env.int("WEB_WORKERS", 2))
WEB_THREADS = env.int("WEB_THREADS", 16)
COUPON_THREADS = WEB_THREADS
POOL_BUILD_HOURS = env.str("POOL_BUILD_HOURS", "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "import_export",
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
    "promotions",
    "discounts",
    "coupons",
    "vouchers",
    "checkout",
]
MIDDLEWARE = [
    "core.middleware.MetricsMiddleware",
    "core.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.ContentSecurityPolicyMiddleware",
    "core.health.HealthCheckMiddleware",
    "core.middleware.RequestValidationMiddleware",
    "core.middleware.BrowserSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.middleware.BrowserAuthMiddleware",
    "core.middleware.AuditContextMiddleware",
    "core.middleware.BrowserMessagesMiddleware",
    "backoffice.base.csp.AdminCSPMiddleware",
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
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
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
FORMAT_MODULE_PATH: list[str] = []

# --- who may what ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = [
    "auth.W004"
]  # usernames are unique whatever their case, by a constraint that the check cannot read
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
ACCESS_TOKEN_MINUTES = env.int("ACCESS_TOKEN_MINUTES", 15)
REFRESH_TOKEN_DAYS = env.int("REFRESH_TOKEN_DAYS", 14)

# --- transport security ----------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and env.bool("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
ADMIN_CSP = {"script-src": ["'self'", "'unsafe-eval'"], "style-src": ["'self'", "'unsafe-inline'"]}

# --- the API ---------------------------------------------------------------------------------------------------------
BODY_LIMIT = 1024 * 1024
BULK_PATHS = ("/api/internal/v1/audiences/", "/api/internal/v1/login-events/")
BULK_SUFFIXES = ("/batches/import/",)
IMPORT_LIMIT = 256 * 1024 * 1024
AUDIENCE_BODY_LIMIT = 16 * 1024 * 1024  # of a JSON document with an audience; streams may be of any length
LOGIN_EVENTS_LIMIT = 4 * 1024 * 1024  # of a body with login events
HOT_PATHS = ("/api/v1/checkout/", "/api/v1/discountcodeusage/", "/api/login-campaign")
HOT_SUFFIXES = ("/first-login/",)
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024  # below /api/ the limit above comes first
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.BearerAuthentication",
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["core.throttle.CallerThrottle"],
    "DEFAULT_PAGINATION_CLASS": "core.api.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "core.openapi.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DATETIME_FORMAT": "iso-8601",
}
THROTTLES = {
    "api": env.str("THROTTLE_API", "1200/minute"),
    "login_account": env.str("THROTTLE_LOGIN_ACCOUNT", "10/minute closed"),
    "login_address": env.str("THROTTLE_LOGIN_ADDRESS", "60/minute closed"),
    "register": env.str("THROTTLE_REGISTER", "20/hour closed"),
    "cart_code_miss": env.str("THROTTLE_CART_CODE_MISS", "30/minute"),
    "code_miss": env.str("THROTTLE_CODE_MISS", "10/minute closed"),
    "report": env.str("THROTTLE_REPORT", "120/minute"),
    "simulate_large": env.str("THROTTLE_SIMULATE_LARGE", "20/minute"),
    "webhook": env.str("THROTTLE_WEBHOOK", "6000/minute"),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "promoplatform",
    "DESCRIPTION": "Promotions, discount codes, coupons and vouchers, redeemed at one checkout.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/(v1|internal/v1)",
}
REDEMPTION_BACKENDS = {
    "coupon": "coupons.backend",
    "discount_code": "discounts.backend",
    "promotion": "promotions.backend",
    "voucher": "vouchers.backend",
}
REDEMPTION_RETENTION_MONTHS = env.int("REDEMPTION_RETENTION_MONTHS", 0)
CONSISTENCY_CHECKS = [
    "segments.consistency.audit",
    "segments.services.audiences.audit",
    "promotions.consistency.audit",
    "promotions.services.batches.audit",
    "discounts.consistency.audit",
    "coupons.consistency.audit",
    "coupons.services.rollup.audit",
    "vouchers.consistency.audit",
    "checkout.consistency.audit",
    "checkout.services.purchase_totals.audit",
]

SEGMENT_SLOTS_PER_CUSTOMER = env.int("SEGMENT_SLOTS_PER_CUSTOMER", 20, validate=validate.Range(1, 100))

# --- the broker and the schedule -------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", REDIS_URL.replace("unix://", "redis+socket://"))
CELERY_TASK_IGNORE_RESULT = True
# not REJECT_ON_WORKER_LOST: a task that kills its worker would come back at once, and for ever (see HouseTask)
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 600, 540
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "core.beat:SingletonScheduler"
CELERY_BEAT_SCHEDULE = {
    "relay outbox": {"task": "kernel.relay_outbox", "schedule": 5.0, "options": {"expires": 30}},
    "beat heart": {"task": "kernel.beat_heart", "schedule": 30.0, "options": {"expires": 60}},
    "forget idempotency keys": {
        "task": "kernel.forget_idempotency_keys",
        "schedule": crontab(minute="17"),
        "options": {"expires": 3600},
    },
    "send due mails": {"task": "mail.send_due", "schedule": 60.0, "options": {"expires": 60}},
    "forget mail events": {
        "task": "mail.forget_events",
        "schedule": crontab(hour="3", minute="23"),
        "options": {"expires": 3600},
    },
    "tell brands of uses": {"task": "discounts.tell_brands", "schedule": 60.0, "options": {"expires": 60}},
    "make usage partitions": {
        "task": "discounts.make_partitions",
        "schedule": crontab(hour="3", minute="11"),
        "options": {"expires": 3600},
    },
    "expire coupon reservations": {"task": "coupons.expire_due", "schedule": 20.0, "options": {"expires": 60}},
    "tend coupon pools": {"task": "coupons.tend_pools", "schedule": 60.0, "options": {"expires": 60}},
    "recount approximate coupons": {
        "task": "coupons.recount_approximate",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "make coupon partitions": {
        "task": "coupons.make_partitions",
        "schedule": crontab(hour="3", minute="13"),
        "options": {"expires": 3600},
    },
    "start due promotions": {"task": "promotions.start_due", "schedule": 15.0, "options": {"expires": 15}},
    "end due promotions": {"task": "promotions.end_due", "schedule": 15.0, "options": {"expires": 15}},
    "roll up redemptions": {"task": "coupons.roll_up", "schedule": 60.0, "options": {"expires": 60}},
    "drop old redemptions": {"task": "coupons.drop_old", "schedule": crontab(hour="4", minute="37")},
    "audit reports": {"task": "coupons.audit_reports", "schedule": crontab(hour="4", minute="7")},
    "work on due segments": {"task": "segments.work", "schedule": 15.0, "options": {"expires": 15}},
    "expire vouchers": {"task": "vouchers.expire", "schedule": 60.0, "options": {"expires": 60}},
    "release expired reservations": {"task": "checkout.release_expired", "schedule": 20.0, "options": {"expires": 60}},
    "refresh audiences": {"task": "checkout.refresh_audiences", "schedule": 60.0, "options": {"expires": 60}},
    "forget uploads": {"task": "segments.forget_uploads", "schedule": crontab(hour="4", minute="47")},
    "tell the segmentation service": {"task": "segments.tell_due", "schedule": 30.0, "options": {"expires": 30}},
    "tell the campaign engine": {"task": "promotions.tell_due", "schedule": 30.0, "options": {"expires": 30}},
}
OUTBOX_NOTIFY = True
KAFKA_BOOTSTRAP_SERVERS = env.str("KAFKA_BOOTSTRAP_SERVERS", "")
KAFKA_OPTIONS: dict[str, str] = env.dict("KAFKA_OPTIONS", {})

# --- services outside; an empty address: there is none, and the platform does its work itself ------------------------
SEGMENTATION_SERVICE_URL = env.str("SEGMENTATION_SERVICE_URL", "").rstrip("/")
SEGMENTATION_SERVICE_KEY = env.str("SEGMENTATION_SERVICE_KEY", "")
CAMPAIGN_ENGINE_URL = env.str("CAMPAIGN_ENGINE_URL", "").rstrip("/")
CAMPAIGN_ENGINE_KEY = env.str("CAMPAIGN_ENGINE_KEY", "")

# --- e-mail ----------------------------------------------------------------------------------------------------------
SENDGRID_API_KEY = env.str("SENDGRID_API_KEY", "")
SENDGRID_URL = env.str("SENDGRID_URL", "https://api.sendgrid.com")
SENDGRID_WEBHOOK_PUBLIC_KEY = env.str("SENDGRID_WEBHOOK_PUBLIC_KEY", "")
SENDGRID_TIMEOUT = env.float("SENDGRID_TIMEOUT", 10.0)
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", bool(EMAIL_HOST))
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = env.str("EMAIL_FILE_PATH", str(embedded.data_dir() / "mail"))
EMAIL_BACKEND = (
    "mailings.sendgrid.SendGridBackend"
    if SENDGRID_API_KEY
    else "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "promoplatform <promotions@localhost>")

# --- logs ------------------------------------------------------------------------------------------------------------
LOG_REQUESTS = env.bool("LOG_REQUESTS", not DEBUG)
logs.configure()
LOGGING = logs.logging_config(env.str("LOG_LEVEL", "INFO"), pretty=DEBUG)

# --- the admin -------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "promoplatform",
    "SITE_HEADER": "promoplatform",
    "SITE_SYMBOL": "redeem",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            "50": "240 253 250",
            "100": "204 251 241",
            "200": "153 246 228",
            "300": "94 234 212",
            "400": "45 212 191",
            "500": "20 184 166",
            "600": "15 118 110",
            "700": "17 94 89",
            "800": "19 78 74",
            "900": "16 65 61",
            "950": "4 47 46",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "backoffice.pages.navigation.groups",
    },
    "DASHBOARD_CALLBACK": "backoffice.pages.dashboard.context",
    "STYLES": [lambda _request: static("backoffice/backoffice.css")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("backoffice/favicon.svg")}
    ],
}
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
