"""The sidebar and its search, with the pages that the user has permission to see."""

from typing import Any

from django.contrib import admin
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# title, icon, and the model of the list; or a model and, behind the colon, the name of another page's URL
GROUPS: tuple[tuple[str | Promise, tuple[tuple[str | Promise, str, str], ...]], ...] = (
    (
        _("Discount codes"),
        (
            (_("Codes"), "sell", "discounts.DiscountCode"),
            (_("Discount rules"), "percent", "discounts.DiscountRule"),
        ),
    ),
    (
        _("Coupons"),
        (
            (_("Coupons"), "confirmation_number", "coupons.CouponDefinition"),
            (_("Reports"), "monitoring", "coupons.CouponDefinition:coupon-report-page"),
        ),
    ),
    (
        _("Promotions"),
        (
            (_("Promotions"), "campaign", "promotions.Promotion"),
            (_("Calendar"), "calendar_month", "promotions.Promotion:admin:promotions_calendar"),
            (_("Pricing settings"), "calculate", "promotions.PricingProfile"),
            (_("Attributes"), "label", "promotions.Attribute"),
        ),
    ),
    (
        _("Vouchers"),
        (
            (_("Campaigns"), "how_to_vote", "vouchers.Campaign"),
            (_("Issued vouchers"), "emoji_events", "vouchers.Voucher"),
        ),
    ),
    (
        _("Checkout"),
        (
            (_("Cart simulator"), "science", "checkout.Redemption:admin:checkout_try"),
            (_("Backtests"), "history_toggle_off", "checkout.Backtest"),
        ),
    ),
    (
        _("Customers"),
        (
            (_("Audiences"), "groups", "segments.Audience"),
            (_("Automatic audiences"), "functions", "segments.Audience:admin:segments_automatic_audiences"),
            (_("Audience imports"), "upload_file", "segments.AudienceUpload"),
            (_("Segments"), "group_work", "segments.Segment"),
            (_("Audience capacity"), "stacked_bar_chart", "segments.Segment:admin:segments_slots"),
            (_("Customers"), "person_search", "accounts.Customer"),
        ),
    ),
    (
        _("Brand"),
        (
            (_("Brands"), "storefront", "accounts.Brand"),
            (_("Staff"), "badge", "accounts.Membership"),
            (_("Invitations"), "mail", "accounts.Invitation"),
            (_("API keys"), "key", "accounts.ApiKey"),
            (_("Identity providers"), "passkey", "accounts.IdentityProvider"),
            (_("Customer logins"), "login", "accounts.ShopperIssuer"),
        ),
    ),
    (
        _("Platform"),
        (
            (_("Users"), "person", "accounts.User"),
            (_("Mailings"), "outgoing_mail", "mail.Mailing"),
            (_("Emails"), "drafts", "mail.Mail"),
            (_("Suppression list"), "unsubscribe", "mail.Suppression"),
            (_("Background tasks"), "outbox", "kernel.OutboxMessage"),
            (_("Integrations"), "hub", "outside.SyncJob"),
            (_("Scheduled tasks"), "schedule", "django_celery_beat.PeriodicTask"),
        ),
    ),
)


def list_groups(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the user's sidebar (``UNFOLD["SIDEBAR"]["navigation"]``)."""
    pages = {model._meta.label: page for model, page in admin.site._registry.items()}  # noqa: SLF001
    general = [
        _item(gettext("Dashboard"), "dashboard", reverse("admin:index")),
        _item(gettext("Find redemptions"), "manage_search", reverse("redemption-search")),
        _item(gettext("Audit log"), "history", reverse("audit")),
    ]
    groups: list[dict[str, Any]] = [{"title": "", "items": general}]
    for title, entries in GROUPS:
        items = [
            _item(str(name), icon, reverse(view or f"admin:{label.lower().replace('.', '_')}_changelist"))
            for name, icon, target in entries
            for label, _colon, view in [target.partition(":")]
            if label in pages and pages[label].has_module_permission(request)
        ]
        if items:
            groups.append({"title": str(title), "separator": True, "items": items})
    _highlight_current(request.path, [item for group in groups for item in group["items"]])
    return groups


def _highlight_current(path: str, items: list[dict[str, Any]]) -> None:
    """Mark the item of the current page, or the one with the longest URL that the page's URL starts with."""
    index = reverse("admin:index")
    links = [item["link"] for item in items]
    matches = [link for link in links if path == link or (path.startswith(link) and link != index)]
    for item in items:
        item["active"] = item["link"] == max(matches, key=len, default="")


def _item(title: str, icon: str, link: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link}


def search(request: HttpRequest) -> HttpResponse:
    """Search the sidebar; an invalid page number has no results, where the theme's view would fail."""
    try:
        response: HttpResponse = admin.site.search(request)  # type: ignore[attr-defined]
    except (InvalidPage, ValueError):
        return HttpResponse()
    return response
