"""The fast path and Django give the same response: status, headers and body, for every request."""

import io
import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.urls import resolve
from django.utils import timezone

from accounts.api.cors import origins
from accounts.models import Brand
from accounts.services import tokens_for
from core.fast_views import FastView
from promoplatform import wsgi
from promoplatform.fast_path import FastPath, _outer_headers
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory
from tests.shopper_logins import Shop, open_shop
from vouchers import services as campaigns

pytestmark = pytest.mark.django_db
USAGE = "/api/v1/discountcodeusage/"
FIRST_LOGIN = "/api/v1/campaigns/first/first-login/"
CHANGING = re.compile(
    r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|"rank":\d+|"customer_id":"[^"]+"'
)
Headers = dict[str, str]
ParsedResponse = tuple[str, Headers, str]
WsgiApplication = Callable[..., Any]


@pytest.fixture(autouse=True)
def objects() -> None:
    """Create a code of 10%, and a campaign with one voucher for the first caller of each application."""
    at = timezone.now()
    brand = BrandFactory(slug="billo", currency="EUR")
    DiscountCodeFactory(text="TEN")
    span = {"start_date": at - timedelta(hours=1), "end_date": at + timedelta(days=1)}
    campaigns.create(brand=brand, quota=2, fields={"name": "First", "slug": "first", **span}, at=at)


@pytest.fixture(autouse=True)
def shared_connection() -> Iterator[None]:
    """Keep the connection of the test open after a request, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def frozen_time() -> Iterator[None]:
    """Stop the clock, so that both responses show the same remaining time."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


def authorization() -> str:
    return f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now()).access}"


def call_application(application: WsgiApplication, path: str, body: bytes = b"", **environ: str) -> ParsedResponse:
    """Return the response of an application to a POST; ids, datetimes and ranks are masked."""
    started: list[tuple[str, Headers]] = []
    base: dict[str, Any] = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "HTTP_X_REQUEST_ID": "one-and-the-same",
        "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
    }  # fmt: skip
    chunks = application({**base, **environ}, lambda status, headers, _=None: started.append((status, dict(headers))))
    content = b"".join(chunks).decode()
    if hasattr(chunks, "close"):
        chunks.close()
    (status, headers), text = started[0], CHANGING.sub("…", content)
    if "RateLimit" in headers:
        headers["RateLimit"] = re.sub(r"=\d+", "=…", headers["RateLimit"])
    assert headers.pop("Content-Length", None) in {None, str(len(content.encode()))}
    return status, headers, text


@pytest.fixture
def both_applications() -> Callable[..., ParsedResponse]:
    """Function that calls both applications, each as another shopper, and returns the common response."""

    def call(
        path: str, *bodies: bytes, fast: bool = True, authorize: Callable[[], str] = authorization, **environ: str
    ) -> ParsedResponse:
        handled_by_django: list[str] = []
        django = wsgi.Application()  # which reads its settings now
        _outer_headers.cache_clear()

        def fallback(environ: Any, start_response: Any) -> Any:
            handled_by_django.append(environ["PATH_INFO"])
            return django(environ, start_response)

        routes = {route.name: (str(route.pattern), route.view) for route in wsgi.application.routes}
        fast_path = FastPath(fallback, routes)
        responses = []
        for application in (django, fast_path):
            caller = {"HTTP_AUTHORIZATION": authorize()} | environ
            responses.append([call_application(application, path, body, **caller) for body in bodies or (b"",)])
        assert responses[0] == responses[1]
        assert bool(handled_by_django) is not fast
        return responses[1][-1]

    return call


def document(**members: Any) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("way", wsgi.application.routes, ids=lambda way: way.name)
def test_each_path_matches_the_url_of_that_name(way: Any) -> None:
    path = str(way.pattern).replace("<slug:slug>", "first").replace("<uuid:pk>", str(uuid.UUID(int=7)))
    match = resolve(f"/{path}")

    assert match.view_name == way.name
    assert match.func.view_class is way.view  # type: ignore[attr-defined]
    assert way.pattern.match(path)[2] == match.kwargs
    assert issubclass(way.view, FastView)


@pytest.mark.parametrize("origin", ["https://shop.example", "https://evil.example"])
@pytest.mark.parametrize("language", ["de", "fr", ""])
def test_other_origins_and_languages(
    both_applications: Callable[..., ParsedResponse], origin: str, language: str
) -> None:
    Brand.objects.update(browser_origins=["https://shop.example"])
    origins.clear()

    status, headers, text = both_applications(
        USAGE, document(discount_code="NOBODYS"), HTTP_ORIGIN=origin, HTTP_ACCEPT_LANGUAGE=language
    )

    assert (status, headers["Content-Language"]) == ("404 Not Found", "de" if language == "de" else "en")
    assert ("Code nicht gefunden." in text) is (language == "de")
    assert headers.get("Access-Control-Allow-Origin") == (origin if "shop" in origin else None)


def test_first_login_and_its_repetition(both_applications: Callable[..., ParsedResponse]) -> None:
    assert both_applications(FIRST_LOGIN)[0] == "201 Created"
    assert both_applications(FIRST_LOGIN, b"", b"")[0] == "200 OK"


@pytest.mark.parametrize("body", [document(code="TEN"), b'{"a": 1, "a": 1}', b'["TEN"]', b"5", b"{", b"\xff"])
def test_bodies_of_endpoints_without_one(both_applications: Callable[..., ParsedResponse], body: bytes) -> None:
    assert both_applications(FIRST_LOGIN, body)[0] == "400 Bad Request"


@pytest.mark.parametrize(
    ("key", "status"), [("", "400 Bad Request"), ("caf\xe9", "400 Bad Request"), ("1", "201 Created")]
)
def test_keys_of_requests_are_read_by_django(
    both_applications: Callable[..., ParsedResponse], key: str, status: str
) -> None:
    assert both_applications(FIRST_LOGIN, fast=False, HTTP_IDEMPOTENCY_KEY=key)[0] == status


def test_redemption_and_its_rejection(both_applications: Callable[..., ParsedResponse]) -> None:
    assert both_applications(USAGE, document(discount_code="ten", amount="100.00"))[0] == "201 Created"
    assert both_applications(USAGE, *[document(discount_code="ten")] * 2)[0] == "409 Conflict"


def test_coupon_redemption_and_its_rejections(both_applications: Callable[..., ParsedResponse]) -> None:
    """Check a redemption, a reservation and one redemption above the limit."""
    coupon = CouponFactory(maximum_number_of_coupons_per_user=1)
    redemptions, reservations = (f"/api/v1/coupons/{coupon.pk}/{what}/" for what in ("redemptions", "reservations"))

    assert both_applications(redemptions)[0] == "201 Created"
    assert '"expires_at"' in both_applications(reservations, document(ttl_seconds=60))[2]
    assert '"usage_limit_per_customer"' in both_applications(redemptions, b"", document())[2]
    assert both_applications(reservations, document(ttl_seconds=0))[0] == "400 Bad Request"
    assert both_applications(redemptions, document(code="NOBODYS"))[0][:1] == "4"
    assert both_applications(redemptions.replace(str(coupon.pk), str(uuid.UUID(int=7))))[0] == "404 Not Found"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"\\u0000"', b'{"discount_code": "\\ud800"}', b"\xff", b"[" * 10_000,
        document(), document(discount_code=""), document(discount_code=5), document(discount_code="NOBODYS"),
        document(discount_code="TEN", amount="1.001"), document(discount_code="TEN", amount=-1, currency="XX"),
        document(discount_code="TEN", user="5"), document(discount_code="T" * 100),
        document(discount_code="TEN", amount=1e400), document(discount_code="TEN", ammount="1.00"),
        b'{"discount_code": "TEN", "discount_code": "TEN"}',
    ],
)  # fmt: skip
def test_invalid_bodies(both_applications: Callable[..., ParsedResponse], body: bytes) -> None:
    assert both_applications(USAGE, body)[0][:1] == "4"


@pytest.mark.parametrize("token", ["Bearer x", "Bearer ", "bearer a.b.c", "BEARER é"])
def test_invalid_tokens(both_applications: Callable[..., ParsedResponse], token: str) -> None:
    status, headers, _ = both_applications(FIRST_LOGIN, HTTP_AUTHORIZATION=token)

    assert status == "401 Unauthorized"
    assert headers["WWW-Authenticate"] == "Bearer"


@pytest.fixture
def shop(settings: Any) -> Iterator[Shop]:
    """The own login of Billo."""
    with open_shop(Brand.objects.get(slug="billo"), settings) as shop:
        yield shop


def test_tokens_of_a_brands_own_login(both_applications: Callable[..., ParsedResponse], shop: Shop) -> None:
    coupon = CouponFactory(brand=shop.brand)
    other = DiscountCodeFactory(text="OTHER", brand=BrandFactory())
    DiscountCodeFactory(text="OWN", brand=shop.brand)
    calls = [
        (FIRST_LOGIN, b"", "201"), (USAGE, document(discount_code="OWN", amount="5.00"), "201"),
        (USAGE, document(discount_code="OTHER"), "404"), (USAGE, document(discount_code="OWN", brand="none"), "404"),
        (f"/api/v1/coupons/{coupon.pk}/redemptions/", b"", "201"),
        (f"/api/v1/coupons/{coupon.pk}/reservations/", document(ttl_seconds=60), "201"),
    ]  # fmt: skip
    assert other.brand != shop.brand

    for path, body, status in calls:
        answer = both_applications(path, body, authorize=lambda: f"Bearer {shop.sign(sub=uuid.uuid4().hex)}")
        assert answer[0][:3] == status, (path, answer)


def test_invalid_tokens_of_a_brands_own_login(both_applications: Callable[..., ParsedResponse], shop: Shop) -> None:
    expired, foreign = shop.sign(iat=1, exp=100), shop.sign(aud="another")

    assert '"token_expired"' in both_applications(FIRST_LOGIN, HTTP_AUTHORIZATION=f"Bearer {expired}")[2]
    assert '"token_invalid"' in both_applications(FIRST_LOGIN, HTTP_AUTHORIZATION=f"Bearer {foreign}")[2]


def test_expired_token(both_applications: Callable[..., ParsedResponse]) -> None:
    token = f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now() - timedelta(hours=1)).access}"

    assert '"token_expired"' in both_applications(FIRST_LOGIN, HTTP_AUTHORIZATION=token)[2]


def test_staff_and_inactive_users(both_applications: Callable[..., ParsedResponse]) -> None:
    staff, inactive = MembershipFactory().user, ShopperFactory()
    tokens = [f"Bearer {tokens_for(user=user, at=timezone.now()).access}" for user in (staff, inactive)]
    type(inactive).objects.filter(pk=inactive.pk).update(is_active=False)

    for path, body in ((FIRST_LOGIN, b""), (USAGE, document(discount_code="TEN"))):
        assert [both_applications(path, body, HTTP_AUTHORIZATION=token)[0][:3] for token in tokens] == ["403", "401"]


def test_unknown_and_ended_campaigns(both_applications: Callable[..., ParsedResponse]) -> None:
    assert both_applications(FIRST_LOGIN.replace("first/", "none/"))[0] == "404 Not Found"
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert both_applications(FIRST_LOGIN)[0] == "409 Conflict"


def test_throttled_requests(both_applications: Callable[..., ParsedResponse], settings: Any, frozen_time: None) -> None:
    settings.THROTTLES = settings.THROTTLES | {"api": "1/hour"}
    status, headers, _ = both_applications(FIRST_LOGIN, b"", b"")

    assert status == "429 Too Many Requests"
    assert int(headers["Retry-After"]) > 3_500


def test_throttled_unknown_codes(
    both_applications: Callable[..., ParsedResponse], settings: Any, frozen_time: None
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"cart_code_miss": "2/hour"}

    assert both_applications(USAGE, *[document(discount_code="GUESS")] * 3)[0] == "429 Too Many Requests"


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUEST_METHOD": "GET"}, {"REQUEST_METHOD": "OPTIONS"}, {"REQUEST_METHOD": "PUT"}, {"QUERY_STRING": "a=1"},
        {"CONTENT_TYPE": "text/plain"}, {"CONTENT_TYPE": "application/json; charset=utf-8"}, {"CONTENT_LENGTH": "x"},
        {"CONTENT_LENGTH": "99999999"}, {"HTTP_TRANSFER_ENCODING": "chunked"}, {"HTTP_ACCEPT": "text/html"},
        {"HTTP_IDEMPOTENCY_KEY": "order-1"}, {"HTTP_AUTHORIZATION": ""}, {"HTTP_AUTHORIZATION": "Api-Key x"},
        {"HTTP_CONTENT_ENCODING": "gzip"}, {"HTTP_IF_MATCH": "*"},
    ],
    ids=str,
)  # fmt: skip
def test_unusual_requests_are_handled_by_django(
    both_applications: Callable[..., ParsedResponse], environ: dict[str, str]
) -> None:
    both_applications(FIRST_LOGIN, fast=False, **environ)


def test_requests_are_handled_by_django_without_batching(
    both_applications: Callable[..., ParsedResponse], settings: Any
) -> None:
    settings.BATCHING = False

    assert both_applications(FIRST_LOGIN, fast=False)[0] == "201 Created"


@pytest.mark.parametrize("host", ["evil.example", "a b", ""])
def test_unknown_hosts_are_handled_by_django(
    both_applications: Callable[..., ParsedResponse], settings: Any, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["promo.example"]

    assert both_applications(FIRST_LOGIN, fast=False, HTTP_HOST=host)[0] == "400 Bad Request"


def test_unencrypted_requests_are_handled_by_django(
    both_applications: Callable[..., ParsedResponse], settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert both_applications(FIRST_LOGIN, fast=False, HTTP_HOST="shop.example")[0] == "301 Moved Permanently"
    status, headers, _ = both_applications(FIRST_LOGIN, HTTP_HOST="shop.example", HTTP_X_FORWARDED_PROTO="https")
    assert status == "201 Created"
    assert headers["Strict-Transport-Security"] == "max-age=3600"


def test_server_errors_show_no_details(
    both_applications: Callable[..., ParsedResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vouchers.services.claim", lambda **_: next(itertools.repeat(1 / 0)))

    status, _, body = both_applications(FIRST_LOGIN)
    assert status == "500 Internal Server Error"
    assert "Zero" not in body
