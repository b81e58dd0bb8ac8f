"""Settings of the test suite: the same platform, quick hashing, tasks run in place."""

from promoplatform.settings.base import *  # noqa: F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
OUTBOX_NUDGE = False
LOG_REQUESTS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
ALLOWED_HOSTS = ["*"]
DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 64, "timeout": 20}  # type: ignore[name-defined]  # noqa: F405
