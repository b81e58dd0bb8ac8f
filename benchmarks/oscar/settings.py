"""Minimal settings of a django-oscar shop, with the database of OSCAR_DATABASE_URL."""

import os

from oscar.defaults import *  # type: ignore[import-not-found]  # noqa: F403
from psycopg.conninfo import conninfo_to_dict

_AT = conninfo_to_dict(os.environ["OSCAR_DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": _AT["dbname"], "USER": _AT["user"],
        "PASSWORD": _AT.get("password", ""), "HOST": _AT["host"], "PORT": _AT.get("port", ""), "CONN_MAX_AGE": None,
    }
}  # fmt: skip
SECRET_KEY = "of a benchmark"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
SITE_ID = 1
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
OSCAR_DEFAULT_CURRENCY = "EUR"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
INSTALLED_APPS = [
    *(f"django.contrib.{app}" for app in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")),
    "django.contrib.sites",
    "django.contrib.flatpages",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    *(f"oscar.apps.dashboard.{name}" for name in (
        "apps.DashboardConfig", "reports.apps.ReportsDashboardConfig", "users.apps.UsersDashboardConfig",
        "orders.apps.OrdersDashboardConfig", "catalogue.apps.CatalogueDashboardConfig",
        "offers.apps.OffersDashboardConfig", "partners.apps.PartnersDashboardConfig",
        "pages.apps.PagesDashboardConfig", "ranges.apps.RangesDashboardConfig",
        "reviews.apps.ReviewsDashboardConfig", "vouchers.apps.VouchersDashboardConfig",
        "communications.apps.CommunicationsDashboardConfig", "shipping.apps.ShippingDashboardConfig",
    )),
    "widget_tweaks",
    "haystack",
    "treebeard",
    "django_tables2",
]  # fmt: skip
