"""Settings of the test suite: the same platform, quick hashing, tasks run in place."""

import os
import secrets

os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))  # workers and other processes of the tests have the same

from promoplatform.settings.base import *  # noqa: F403
from promoplatform.settings.base import CACHES, DATABASES, INSTALLED_APPS, REDIS_URL

# each parallel worker has a Redis database of its own
_NUMBER = int("0" + "".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", "")))) + 1
REDIS_URL = f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}db={_NUMBER}"
CACHES["default"]["LOCATION"] = REDIS_URL

DEBUG = False
PASSWORD_HASHERS = ["tests.hashers.LimitedMD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
OUTBOX_NOTIFY = False
REJECTION_FLUSH_SECONDS = 0  # a thread would write outside the transaction of the test
SHOPPER_LOGINS_SECONDS = 0  # a list of another test would not fit
ENDED_TOKENS_SECONDS = 0  # a query that tests of the number of queries would count now and then
LOG_REQUESTS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # each test client loads the middleware, which would read every static file
ALLOWED_HOSTS = ["*"]
DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 64, "timeout": 120}
# a stampede's hundred threads share one interpreter: whoever holds a lock holds it far longer than a server would
DATABASES["default"]["OPTIONS"]["options"] += " -c lock_timeout=20000 -c statement_timeout=30000"
SEGMENTATION_SERVICE_URL = CAMPAIGN_ENGINE_URL = ""  # whatever this machine has
INSTALLED_APPS = [*INSTALLED_APPS, "tests.loyalty"]  # a kind of offer that the platform doesn't know
