"""The WSGI application that granian serves."""

import os
from contextlib import suppress
from typing import Any

import django
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promoplatform.settings.base")


class Request(WSGIRequest):
    """A request that can always be made, so that whatever is wrong with it is refused where the others are."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = "", {}  # of a header that says nothing that can be read
        with suppress(LookupError, ValueError, SuspiciousOperation):  # the query is read as soon as there is a charset
            super()._set_content_type_params(meta)  # type: ignore[misc]


class Application(WSGIHandler):
    """Django's handler of such requests."""

    request_class = Request


django.setup(set_prefix=False)

from coupons.api.redemptions import RedemptionsView, ReservationsView  # noqa: E402  (once the settings are there)
from discounts.api.views import UsagesView  # noqa: E402
from promoplatform.fast_path import FastPath  # noqa: E402
from vouchers.api.views import FirstLoginView  # noqa: E402

application = FastPath(
    Application(),
    {
        "discountcodeusage-list": ("api/v1/discountcodeusage/", UsagesView),
        "campaign-first-login": ("api/v1/campaigns/<slug:slug>/first-login/", FirstLoginView),
        "coupon-redemption-list": ("api/v1/coupons/<uuid:pk>/redemptions/", RedemptionsView),
        "coupon-reservation-list": ("api/v1/coupons/<uuid:pk>/reservations/", ReservationsView),
    },
)
