"""The sidebar and its search: the pages that exist and that the user may see, in the order of what people do."""

from typing import Any

from django.contrib import admin
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Discount codes",
        (
            ("Codes", "sell", "discounts.DiscountCode"),
            ("Rules", "percent", "discounts.DiscountRule"),
            ("Uses", "receipt_long", "discounts.Usage"),
            ("Returned uses", "undo", "discounts.UsageReturn"),
            ("Notices", "notifications", "discounts.UseNotice"),
        ),
    ),
    (
        "Coupons",
        (
            ("Coupons", "confirmation_number", "coupons.CouponDefinition"),
            ("Redemptions", "receipt_long", "coupons.CouponRedemption"),
            ("Report", "monitoring", "coupons.CouponDefinition:coupon-report-page"),
        ),
    ),
    (
        "Promotions",
        (
            ("Promotions", "campaign", "promotions.Promotion"),
            ("Calendar", "calendar_month", "promotions.Promotion:admin:promotions_calendar"),
            ("Pricing", "calculate", "promotions.PricingProfile"),
        ),
    ),
    (
        "Vouchers",
        (
            ("Campaigns", "how_to_vote", "vouchers.Campaign"),
            ("Winners", "emoji_events", "vouchers.Voucher"),
        ),
    ),
    (
        "Checkout",
        (
            ("Redemptions", "shopping_cart_checkout", "checkout.Redemption"),
            ("Test a cart", "science", "checkout.Redemption:admin:checkout_try"),
            ("Backtests", "history_toggle_off", "checkout.Backtest"),
        ),
    ),
    (
        "Customers",
        (
            ("Audiences", "groups", "segments.Audience"),
            ("Computed audiences", "functions", "segments.Audience:admin:segments_automatic_audiences"),
            ("Uploads", "upload_file", "segments.AudienceUpload"),
            ("Segments", "group_work", "segments.Segment"),
            ("Slots", "stacked_bar_chart", "segments.Segment:admin:segments_slots"),
            ("Customers", "person_search", "accounts.Customer"),
        ),
    ),
    (
        "Brand",
        (
            ("Brands", "storefront", "accounts.Brand"),
            ("Staff", "badge", "accounts.Membership"),
            ("Invitations", "mail", "accounts.Invitation"),
            ("API keys", "key", "accounts.ApiKey"),
        ),
    ),
    (
        "Platform",
        (
            ("Users", "person", "accounts.User"),
            ("Mailings", "outgoing_mail", "mail.Mailing"),
            ("Mails", "drafts", "mail.Mail"),
            ("Suppressed addresses", "unsubscribe", "mail.Suppression"),
            ("Promised tasks", "outbox", "kernel.OutboxMessage"),
            ("Outside services", "hub", "outside.Errand"),
            ("Schedule", "schedule", "django_celery_beat.PeriodicTask"),
        ),
    ),
)


def list_groups(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups for this user (``UNFOLD["SIDEBAR"]["navigation"]``)."""
    pages = {model._meta.label: page for model, page in admin.site._registry.items()}  # noqa: SLF001
    first = [_item("Dashboard", "dashboard", reverse("admin:index")), _item("Audit log", "history", reverse("audit"))]
    found: list[dict[str, Any]] = [{"title": "", "items": first}]
    for title, entries in GROUPS:
        items = [
            _item(name, icon, reverse(view or f"admin:{label.lower().replace('.', '_')}_changelist"))
            for name, icon, target in entries
            for label, _, view in [target.partition(":")]  # a page of a model's own, or the list of its objects
            if label in pages and pages[label].has_module_permission(request)
        ]
        if items:
            found.append({"title": title, "separator": True, "items": items})
    _highlight_current(request.path, [item for group in found for item in group["items"]])
    return found


def _highlight_current(path: str, items: list[dict[str, Any]]) -> None:
    """Mark the one entry whose page this is, or below whose page it is most closely."""
    home = reverse("admin:index")
    links = [item["link"] for item in items]
    above = [link for link in links if path == link or (path.startswith(link) and link != home)]
    for item in items:
        item["active"] = item["link"] == max(above, key=len, default="")


def _item(title: str, icon: str, link: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link}


def search(request: HttpRequest) -> HttpResponse:
    """The sidebar's search; a page that there is not finds nothing (the theme's own view fails over it)."""
    try:
        found: HttpResponse = admin.site.search(request)  # type: ignore[attr-defined]
    except (InvalidPage, ValueError):
        return HttpResponse()
    return found
