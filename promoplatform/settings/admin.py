"""The look of the admin (Unfold)."""

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

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
        "navigation": "backoffice.pages.navigation.list_groups",
    },
    "ACCOUNT": {
        "navigation": [
            {"title": _("Your sessions"), "link": reverse_lazy("staff-sessions")},
            {"title": _("Second factor"), "link": reverse_lazy("mfa_index")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
        ]
    },
    "DASHBOARD_CALLBACK": "backoffice.pages.dashboard.add_context",
    "STYLES": [lambda _request: static("backoffice/backoffice.css")],
    "SCRIPTS": [lambda _request: static("backoffice/labels.js")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("backoffice/favicon.svg")}
    ],
}
