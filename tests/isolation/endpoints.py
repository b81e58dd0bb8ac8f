"""Every endpoint of the API, its owner, and what other callers get from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from redemptions.lifecycle import Action
from tests.factories.accounts import PASSWORD

PAUSES = [Action.PAUSE, Action.RESUME]
PAUSED_ACTIONS = [*PAUSES, Action.END, Action.ARCHIVE]  # of a paused offer
METHODS = ("get", "post", "put", "patch", "delete")
NONE: frozenset[str] = frozenset()
READ, MANAGE, CHECKOUT, EXPORT, INTERNAL = (
    frozenset({scope}) for scope in ("read", "manage", "checkout", "export", "internal")
)
Body = dict[str, Any] | list[dict[str, Any]] | str | None  # a string is CSV

OPEN: dict[tuple[str, str], str] = {
    ("api/schema/", "GET"): "the description of the API",
    ("api/docs/", "GET"): "the description of the API",
    ("api/v1/auth/token/", "POST"): "checks only the credentials in the body",
    ("api/v1/auth/token/refresh/", "POST"): "checks only the credentials in the body",
    ("api/v1/auth/token/verify/", "POST"): "checks only the credentials in the body",
    ("api/v1/auth/logout/", "POST"): "checks only the credentials in the body",
    ("api/login-campaign", "POST"): "checks only the credentials in the body",
    ("api/v1/auth/register/", "POST"): "creates an account for anyone",
    ("api/v1/auth/email/verify/", "POST"): "checks only the token in the body",
    ("api/v1/auth/password/reset/", "POST"): "sends an email to anyone with an account",
    ("api/v1/auth/password/reset/confirm/", "POST"): "checks only the token in the body",
}


@dataclass(frozen=True)
class Row:
    """An endpoint as Billo's callers use it; ``by`` names the caller who may.

    ``ids`` are the route's parameters for Billo's object. ``strangers`` is what other callers get: ``refused`` (401,
    403 or 404, byte for byte as for a missing object), ``own`` (an answer without Billo's data), ``read`` (the object,
    for every signed-in caller) or ``facts`` (public data for shoppers, nothing for other staff). With ``writes``,
    which an export of codes has, too, Billo's viewers get 403; with ``staff``, they get it for reading, too.

    ``scopes`` are those with any one of which an API key may send the request; none of an endpoint for people.
    """

    route: str
    method: str
    by: str
    ids: dict[str, str] = field(default_factory=dict)
    body: Body = None
    strangers: str = "refused"
    writes: bool = False
    staff: bool = False
    scopes: frozenset[str] = NONE


def _batch_rows(offer: str, ids: dict[str, str], batch: str, assignment: str) -> list[Row]:
    """Return the rows of the batches of an offer of any kind, given its route and the names of its objects."""
    base, one = f"{offer}batches/", f"{offer}batches/<uuid:batch>/"
    batched = ids | {"batch": f"<{batch}>"}
    return [
        Row(base, "GET", "owner", ids, scopes=READ),
        Row(base, "POST", "owner", ids, {"count": 5}, writes=True, scopes=MANAGE),
        Row(f"{base}import/", "POST", "owner", ids, "code\nIMPORTED-CODE", writes=True, scopes=MANAGE),
        Row(one, "GET", "owner", batched, scopes=READ),
        Row(f"{one}codes.csv", "GET", "owner", batched, writes=True, scopes=EXPORT),
        Row(f"{one}assign/", "POST", "owner", batched, {"customer_ids": ["<customer>"]}, writes=True, scopes=MANAGE),
        Row(f"{one}revoke/", "POST", "owner", batched, writes=True, scopes=MANAGE),
        Row(
            f"{one}assignments/<uuid:assignment>/",
            "GET",
            "owner",
            batched | {"assignment": f"<{assignment}>"},
            scopes=READ,
        ),
    ]


def rows() -> list[Row]:
    """Return the matrix. Values in ``ids`` and bodies are names of Billo's objects in angle brackets."""
    cart = {"currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}]}
    order = cart | {"order": "fresh", "customer_id": "<customer>"}
    codes, coded = "api/v1/discountcode/<str:name>/", {"name": "<code>"}
    grant = {"acceptor": "tea", "kinds": ["coupon"], "brand": "<slug>"}
    merge = {"from": "guest of nobody", "into": "<customer>", "brand": "<slug>"}
    code = {"id": "FRESH", "rule": {"discount": 10}, "validity": "2099-01-01T00:00:00Z"}
    brand, checkout = "api/v1/brands/<slug:slug>", "api/v1/checkout"
    redemption = f"{checkout}/redemptions/<uuid:pk>"
    member, invitation = f"{brand}/members/<uuid:user_id>/", f"{brand}/invitations/<uuid:invitation_id>/"
    promotion = "api/v1/promotions/<uuid:pk>/"
    described = {"customer_id": "<customer>"}
    slug, promoted, running = {"slug": "<slug>"}, {"pk": "<promotion>"}, {"pk": "<running promotion>"}
    sale = {
        "name": "sale", "start_date": "2099-01-01", "end_date": "2099-02-01", "trigger": "automatic",
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    coupons, couponed, public = "api/v1/coupons/", {"pk": "<coupon>"}, {"pk": "<open coupon>"}
    coupon = {"title": "ten", "start_date": "2026-01-01", "end_date": "2099-01-01", "offer": sale["offer"]}
    audience = "api/internal/v1/audiences/<str:merchant_id>/<str:segment_type>/"
    sent = {"merchant_id": "<slug>", "segment_type": "<audience>"}
    synced = sent | {"start_date": "2098-01-01", "end_date": "2098-03-01"}
    campaigns = "api/v1/campaigns/<slug:slug>/"
    campaign = {
        "name": "new", "slug": "new", "start_date": "2098-01-01T00:00:00Z", "end_date": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    event = {
        "event_id": "1", "customer_id": "<customer>", "at": "2026-06-01T00:00:00Z", "campaign": "<campaign>",
    }  # fmt: skip
    return [
        Row(audience, "GET", "internal", sent, scopes=INTERNAL),
        Row("api/internal/v1/sync-segment/", "POST", "internal", body=synced, writes=True, scopes=INTERNAL),
        Row("api/internal/v1/segments/<uuid:pk>/", "GET", "internal", {"pk": "<segment>"}, scopes=INTERNAL),
        Row("api/internal/v1/segments/<uuid:pk>/", "DELETE", "internal", {"pk": "<segment>"}, writes=True,
            scopes=INTERNAL),
        Row(audience, "POST", "internal", sent, {"operation": "add", "customer_ids": ["<customer>"]}, writes=True,
            scopes=INTERNAL),
        Row("api/internal/v1/login-events/", "POST", "internal", body=[event], writes=True, scopes=INTERNAL),
        Row("api/v1/me/", "GET", "owner", strangers="own"),
        Row("api/v1/me/", "PATCH", "owner", body={"language": "es"}, strangers="own"),
        Row("api/v1/me/", "DELETE", "shopper", body={"password": PASSWORD}, strangers="own"),
        Row("api/v1/customers/<path:customer_id>/erase/", "POST", "owner", described, writes=True, scopes=MANAGE),
        Row("api/v1/erasures/<uuid:pk>/", "GET", "owner", {"pk": "<erasure>"}, scopes=READ),
        Row("api/v1/me/export/", "GET", "owner", strangers="own"),
        Row("api/v1/customers/<path:customer_id>/export/", "GET", "owner", described, writes=True, scopes=MANAGE),
        Row(f"{brand}/", "GET", "owner", slug, staff=True),
        Row(f"{brand}/", "PATCH", "owner", slug, {"browser_origins": ["https://www.example.com"]}, writes=True),
        Row(f"{brand}/members/", "GET", "owner", slug, staff=True),
        Row(member, "PATCH", "owner", slug | {"user_id": "<viewer>"}, {"role": "viewer"}, writes=True),
        Row(member, "DELETE", "owner", slug | {"user_id": "<editor>"}, writes=True),
        Row(f"{brand}/invitations/", "GET", "owner", slug, staff=True),
        Row(f"{brand}/invitations/", "POST", "owner", slug, {"email": "a@example.com", "role": "viewer"}, writes=True),
        Row(invitation, "DELETE", "owner", slug | {"invitation_id": "<invitation>"}, writes=True),
        Row(f"{brand}/api-keys/", "GET", "owner", slug, staff=True),
        Row(f"{brand}/api-keys/", "POST", "owner", slug, {"name": "new"}, writes=True),
        Row(f"{brand}/api-keys/<uuid:key_id>/", "DELETE", "owner", slug | {"key_id": "<spare key>"}, writes=True),
        Row(f"{brand}/api-keys/<uuid:key_id>/roll/", "POST", "owner", slug | {"key_id": "<spare key>"}, writes=True),
        Row("api/v1/keys/self/", "GET", "server", strangers="own", scopes=READ | MANAGE | CHECKOUT | EXPORT | INTERNAL),
        Row("api/v1/brand-grants/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/brand-grants/", "POST", "owner", body=grant, writes=True),
        Row("api/v1/customers/merge/", "POST", "owner", body=merge, writes=True, scopes=MANAGE),
        Row("api/v1/brand-grants/<uuid:pk>/", "DELETE", "owner", {"pk": "<grant>"}, writes=True),
        Row("api/v1/discountcode/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/discountcode/", "POST", "owner", body=code | {"brand": "<slug>"}, writes=True, scopes=MANAGE),
        Row(codes, "GET", "owner", coded, strangers="read", scopes=READ),
        Row(codes, "PATCH", "owner", coded, {"validity": "2098-01-01T00:00:00Z"}, writes=True, scopes=MANAGE),
        Row(codes, "DELETE", "owner", coded, writes=True, scopes=MANAGE),
        *(Row(f"{codes}{action}/", "POST", "owner", coded, writes=True, scopes=MANAGE) for action in Action),
        Row(f"{codes}duplicate/", "POST", "owner", coded, {"id": "OTHER"}, writes=True, scopes=MANAGE),
        *_batch_rows("api/v1/discountcode/<str:pk>/", {"pk": "<code>"}, "code batch", "code assignment"),
        Row("api/v1/discountcodeusage/", "POST", "shopper", body={"discount_code": "<open code>", "user": "<user>"}),
        Row("api/v1/discountcodeusage/<uuid:usage_id>/", "DELETE", "server", {"usage_id": "<usage>"}, writes=True,
            scopes=CHECKOUT),
        Row("api/v1/attributes/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/attributes/", "POST", "owner", body={"name": "a", "type": "date", "brand": "<slug>"}, writes=True,
            scopes=MANAGE),
        Row("api/v1/attributes/<uuid:pk>/", "GET", "owner", {"pk": "<attribute>"}, scopes=READ),
        Row("api/v1/attributes/<uuid:pk>/", "DELETE", "owner", {"pk": "<attribute>"}, writes=True, scopes=MANAGE),
        Row("api/v1/promotions/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/promotions/", "POST", "owner", body=sale | {"brand": "<slug>"}, writes=True, scopes=MANAGE),
        Row(promotion, "GET", "owner", promoted, scopes=READ),
        Row(promotion, "PATCH", "owner", promoted, {"name": "another"}, writes=True, scopes=MANAGE),
        Row(promotion, "DELETE", "owner", promoted, writes=True, scopes=MANAGE),
        Row(f"{promotion}activate/", "POST", "owner", promoted, writes=True, scopes=MANAGE),
        Row(f"{promotion}end/", "POST", "owner", promoted, writes=True, scopes=MANAGE),
        Row(f"{promotion}archive/", "POST", "owner", promoted, writes=True, scopes=MANAGE),
        *(Row(f"{promotion}{action}/", "POST", "owner", running, writes=True, scopes=MANAGE) for action in PAUSES),
        Row(f"{promotion}duplicate/", "POST", "owner", promoted, writes=True, scopes=MANAGE),
        *_batch_rows(promotion, {"pk": "<coded promotion>"}, "batch", "assignment"),
        Row(coupons, "GET", "owner", strangers="own", scopes=READ),
        Row(coupons, "POST", "owner", body=coupon | {"brand": "<slug>"}, writes=True, scopes=MANAGE),
        Row(f"{coupons}<uuid:pk>/", "GET", "owner", public, strangers="read", scopes=READ),
        Row(f"{coupons}<uuid:pk>/", "PATCH", "owner", couponed, {"title": "another"}, writes=True, scopes=MANAGE),
        Row(f"{coupons}<uuid:pk>/", "DELETE", "owner", couponed, writes=True, scopes=MANAGE),
        Row(f"{coupons}<uuid:pk>/activate/", "POST", "owner", public, writes=True, scopes=MANAGE),
        *(Row(f"{coupons}<uuid:pk>/{action}/", "POST", "owner", couponed, writes=True,
            scopes=MANAGE) for action in PAUSED_ACTIONS),
        Row(f"{coupons}<uuid:pk>/duplicate/", "POST", "owner", couponed, writes=True, scopes=MANAGE),
        *_batch_rows(f"{coupons}<uuid:pk>/", couponed, "coupon batch", "coupon assignment"),
        Row(f"{coupons}<uuid:pk>/eligibility/", "GET", "shopper", public, strangers="own", scopes=READ | CHECKOUT),
        Row(f"{coupons}<uuid:pk>/redemptions/", "POST", "shopper", public, strangers="own", scopes=CHECKOUT),
        Row(f"{coupons}<uuid:pk>/reservations/", "POST", "shopper", public, strangers="own", scopes=CHECKOUT),
        Row(f"{coupons}redemptions/<uuid:pk>/confirm/", "POST", "server", {"pk": "<reserved>"}, writes=True,
            scopes=CHECKOUT),
        Row(f"{coupons}redemptions/<uuid:pk>/release/", "POST", "server", {"pk": "<reserved>"}, writes=True,
            scopes=CHECKOUT),
        Row(f"{coupons}redemptions/<uuid:pk>/refund/", "POST", "server", {"pk": "<redeemed>"}, writes=True,
            scopes=CHECKOUT),
        Row("api/v1/coupons/report/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/coupons/<uuid:pk>/report/", "GET", "owner", {"pk": "<coupon>"}, scopes=READ),
        Row("api/v1/codes/<str:name>/", "GET", "owner", {"name": "<single code>"}, scopes=READ),
        Row("api/v1/codes/<str:name>/movements/", "GET", "owner", {"name": "<single code>"}, scopes=READ),
        Row("api/v1/codes/<str:name>/revoke/", "POST", "owner", {"name": "<single code>"}, writes=True, scopes=MANAGE),
        Row("api/v1/events/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/customers/<path:customer_id>/", "GET", "server", described, writes=True, scopes=READ | CHECKOUT),
        Row("api/v1/customers/<path:customer_id>/", "PUT", "server", described, {"email": "customer@example.com"},
            strangers="own", writes=True, scopes=CHECKOUT),
        Row("api/v1/redemptions/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/results/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/events/<uuid:pk>/", "GET", "owner", {"pk": "<event>"}, scopes=READ),
        Row("api/v1/campaigns/", "GET", "owner", strangers="own", scopes=READ),
        Row("api/v1/campaigns/", "POST", "owner", body=campaign | {"brand": "<slug>"}, writes=True, scopes=MANAGE),
        Row(campaigns, "GET", "owner", {"slug": "<campaign>"}, strangers="facts", scopes=READ),
        Row(campaigns, "PATCH", "owner", {"slug": "<campaign>"}, {"quota": 500}, writes=True, scopes=MANAGE),
        Row(campaigns, "DELETE", "owner", {"slug": "<campaign>"}, writes=True, scopes=MANAGE),
        *(Row(f"{campaigns}{action}/", "POST", "owner", {"slug": "<campaign>"}, writes=True,
            scopes=MANAGE) for action in Action),
        Row(f"{campaigns}duplicate/", "POST", "owner", {"slug": "<campaign>"}, {"slug": "other"}, writes=True,
            scopes=MANAGE),
        Row(f"{campaigns}first-login/", "POST", "shopper", {"slug": "<campaign>"}, strangers="own"),
        Row("api/v1/vouchers/", "GET", "shopper", strangers="own"),
        Row("api/v1/promotions/simulate/", "POST", "owner", body={"cart": cart, "promotions": []}, strangers="own",
            scopes=READ | MANAGE),
        Row(f"{checkout}/quote/", "POST", "server", body=cart | {"customer_id": "<customer>"}, strangers="own",
            scopes=CHECKOUT),
        Row(f"{checkout}/offers/", "GET", "shopper", strangers="own", scopes=READ | CHECKOUT),
        Row(f"{checkout}/offers/", "POST", "server", body=cart | {"customer_id": "<customer>"}, strangers="own",
            scopes=CHECKOUT),
        Row(f"{checkout}/movements/", "GET", "shopper", strangers="own", scopes=READ | CHECKOUT),
        Row(f"{checkout}/redemptions/", "GET", "server", strangers="own", scopes=READ | CHECKOUT),
        Row(f"{checkout}/redemptions/", "POST", "server", body=order, strangers="own", scopes=CHECKOUT),
        Row(f"{redemption}/", "GET", "server", {"pk": "<redemption>"}, scopes=READ | CHECKOUT),
        Row(f"{redemption}/", "PATCH", "server", {"pk": "<redemption>"}, {"external_id": "new"}, writes=True,
            scopes=CHECKOUT),
        Row(f"{redemption}/confirm/", "POST", "server", {"pk": "<redemption>"}, writes=True, scopes=CHECKOUT),
        Row(f"{redemption}/cancel/", "POST", "server", {"pk": "<redemption>"}, writes=True, scopes=CHECKOUT),
        Row(f"{redemption}/refund/", "POST", "server", {"pk": "<paid>"}, {"lines": ["a"]}, writes=True,
            scopes=CHECKOUT),
        Row(f"{redemption}/amend/", "POST", "server", {"pk": "<paid>"}, cart, writes=True, scopes=CHECKOUT),
    ]  # fmt: skip


def resolved() -> set[tuple[str, str]]:
    """Return every endpoint of the URL configuration below ``api/`` as (route, method)."""
    return {(route, method) for route, method, _view in resolved_views()}


def resolved_views() -> Iterator[tuple[str, str, Any]]:
    """Yield every endpoint of the URL configuration below ``api/`` as (route, method, class of the view)."""
    for route, view in _walk(get_resolver().url_patterns, ""):
        if route.startswith("api/"):
            yield from ((route, method.upper(), view) for method in METHODS if hasattr(view, method))


def list_admin_routes() -> list[str]:
    """Return the route of every page of the URL configuration below ``admin/``."""
    return [route for route, _view in _walk(get_resolver().url_patterns, "") if route.startswith("admin/")]


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            callback: Callable[..., Any] | None = pattern.callback
            yield route, getattr(callback, "cls", getattr(callback, "view_class", None))
