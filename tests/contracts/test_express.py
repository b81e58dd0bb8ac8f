"""The express lane and the long way through Django answer alike: status, headers and body, whatever is asked."""

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

from accounts.services import tokens_for
from core.hot import HotView
from promoplatform import wsgi
from promoplatform.express import Lane, _outer
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory
from vouchers import services as campaigns

pytestmark = pytest.mark.django_db
USE = "/api/v1/discountcodeusage/"
CLAIM = "/api/v1/campaigns/first/first-login/"
CHANGING = re.compile(
    r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|"rank":\d+|"customer_id":"[^"]+"'
)
Headers = dict[str, str]
Answered = tuple[str, Headers, str]
Door = Callable[..., Any]


@pytest.fixture(autouse=True)
def world() -> None:
    """A code of 10 %, and a campaign with one voucher for each door's first caller."""
    at = timezone.now()
    brand = BrandFactory(slug="billo", currency="EUR")
    DiscountCodeFactory(text="TEN")
    span = {"start_date": at - timedelta(hours=1), "end_date": at + timedelta(days=1)}
    campaigns.create(brand=brand, quota=2, fields={"name": "First", "slug": "first", **span}, at=at)


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """The end of a request leaves the test's connection alone, as it does with Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def stands_still() -> Iterator[None]:
    """No second passes between two answers that tell how many are left."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


def bearer() -> str:
    return f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now()).access}"


def called(door: Door, path: str, body: bytes = b"", **environ: str) -> Answered:
    """What a door answers to a POST; ids, instants and ranks are written alike."""
    heads: list[tuple[str, Headers]] = []
    base: dict[str, Any] = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "HTTP_X_REQUEST_ID": "one-and-the-same",
        "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
    }  # fmt: skip
    found = door({**base, **environ}, lambda status, headers, _=None: heads.append((status, dict(headers))))
    content = b"".join(found).decode()
    if hasattr(found, "close"):
        found.close()
    (status, headers), text = heads[0], CHANGING.sub("…", content)
    assert headers.pop("Content-Length", None) in {None, str(len(content.encode()))}
    return status, headers, text


@pytest.fixture
def both() -> Callable[..., Answered]:
    """Ask each door in turn, each time as another shopper; the answer, which is the same."""

    def ask(path: str, *bodies: bytes, express: bool = True, **environ: str) -> Answered:
        went_long: list[str] = []
        django = wsgi.Application()  # which reads its settings now
        _outer.cache_clear()

        def long(environ: Any, start_response: Any) -> Any:
            went_long.append(environ["PATH_INFO"])
            return django(environ, start_response)

        lane = Lane(long, {way.name: (str(way.pattern), way.view) for way in wsgi.application.ways})
        answers = []
        for door in (django, lane):
            caller = {"HTTP_AUTHORIZATION": bearer()} | environ
            answers.append([called(door, path, body, **caller) for body in bodies or (b"",)])
        assert answers[0] == answers[1]
        assert bool(went_long) is not express
        return answers[1][-1]

    return ask


def document(**members: Any) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("way", wsgi.application.ways, ids=lambda way: way.name)
def test_each_way_is_the_address_that_django_knows_by_this_name(way: Any) -> None:
    path = str(way.pattern).replace("<slug:slug>", "first").replace("<uuid:pk>", str(uuid.UUID(int=7)))
    match = resolve(f"/{path}")

    assert match.view_name == way.name
    assert match.func.view_class is way.view  # type: ignore[attr-defined]
    assert way.pattern.match(path)[2] == match.kwargs
    assert issubclass(way.view, HotView)


def test_a_voucher_and_the_same_voucher_again(both: Callable[..., Answered]) -> None:
    assert both(CLAIM)[0] == "201 Created"
    assert both(CLAIM, b"", b"")[0] == "200 OK"


def test_a_use_and_its_refusal(both: Callable[..., Answered]) -> None:
    assert both(USE, document(discount_code="ten", amount="100.00"))[0] == "201 Created"
    assert both(USE, *[document(discount_code="ten")] * 2)[0] == "409 Conflict"


def test_a_coupon_and_its_refusals(both: Callable[..., Answered]) -> None:
    """Redeemed, reserved, and asked for once more than one may."""
    coupon = CouponFactory(maximum_number_of_coupons_per_user=1)
    redemptions, reservations = (f"/api/v1/coupons/{coupon.pk}/{what}/" for what in ("redemptions", "reservations"))

    assert both(redemptions)[0] == "201 Created"
    assert '"expires_at"' in both(reservations, document(ttl_seconds=60))[2]
    assert '"usage_limit_per_customer"' in both(redemptions, b"", document())[2]
    assert both(reservations, document(ttl_seconds=0))[0] == "400 Bad Request"
    assert both(redemptions, document(code="NOBODYS"))[0][:1] == "4"
    assert both(redemptions.replace(str(coupon.pk), str(uuid.UUID(int=7))))[0] == "404 Not Found"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"\\u0000"', b'{"discount_code": "\\ud800"}', b"\xff", b"[" * 10_000,
        document(), document(discount_code=""), document(discount_code=5), document(discount_code="NOBODYS"),
        document(discount_code="TEN", amount="1.001"), document(discount_code="TEN", amount=-1, currency="XX"),
        document(discount_code="TEN", user="5"), document(discount_code="T" * 100),
        document(discount_code="TEN", amount=1e400),
    ],
)  # fmt: skip
def test_a_body_of_any_kind(both: Callable[..., Answered], body: bytes) -> None:
    assert both(USE, body)[0][:1] == "4"


@pytest.mark.parametrize("token", ["Bearer x", "Bearer ", "bearer a.b.c", "BEARER é"])
def test_tokens_that_are_none(both: Callable[..., Answered], token: str) -> None:
    status, headers, _ = both(CLAIM, HTTP_AUTHORIZATION=token)

    assert status == "401 Unauthorized"
    assert headers["WWW-Authenticate"] == "Bearer"


def test_a_token_that_has_ended(both: Callable[..., Answered]) -> None:
    token = f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now() - timedelta(hours=1)).access}"

    assert '"token_expired"' in both(CLAIM, HTTP_AUTHORIZATION=token)[2]


def test_who_is_no_shopper_and_who_was_shut_out(both: Callable[..., Answered]) -> None:
    staff, gone = MembershipFactory().user, ShopperFactory()
    tokens = [f"Bearer {tokens_for(user=user, at=timezone.now()).access}" for user in (staff, gone)]
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)

    for path, body in ((CLAIM, b""), (USE, document(discount_code="TEN"))):
        assert [both(path, body, HTTP_AUTHORIZATION=token)[0][:3] for token in tokens] == ["403", "401"]


def test_a_campaign_that_there_is_not_and_one_that_has_ended(both: Callable[..., Answered]) -> None:
    assert both(CLAIM.replace("first/", "none/"))[0] == "404 Not Found"
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert both(CLAIM)[0] == "409 Conflict"


def test_too_many_calls(both: Callable[..., Answered], settings: Any, stands_still: None) -> None:
    settings.THROTTLES = settings.THROTTLES | {"api": "1/hour"}
    status, headers, _ = both(CLAIM, b"", b"")

    assert status == "429 Too Many Requests"
    assert int(headers["Retry-After"]) > 3_500


def test_too_many_guesses(both: Callable[..., Answered], settings: Any, stands_still: None) -> None:
    settings.THROTTLES = settings.THROTTLES | {"cart_code_miss": "2/hour"}

    assert both(USE, *[document(discount_code="GUESS")] * 3)[0] == "429 Too Many Requests"


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUEST_METHOD": "GET"}, {"REQUEST_METHOD": "OPTIONS"}, {"REQUEST_METHOD": "PUT"}, {"QUERY_STRING": "a=1"},
        {"CONTENT_TYPE": "text/plain"}, {"CONTENT_TYPE": "application/json; charset=utf-8"}, {"CONTENT_LENGTH": "x"},
        {"CONTENT_LENGTH": "99999999"}, {"HTTP_TRANSFER_ENCODING": "chunked"}, {"HTTP_ACCEPT": "text/html"},
        {"HTTP_IDEMPOTENCY_KEY": "order-1"}, {"HTTP_AUTHORIZATION": ""}, {"HTTP_AUTHORIZATION": "Api-Key x"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_out_of_the_ordinary_goes_the_long_way(both: Callable[..., Answered], environ: dict[str, str]) -> None:
    both(CLAIM, express=False, **environ)


def test_what_is_not_merged_goes_the_long_way(both: Callable[..., Answered], settings: Any) -> None:
    settings.BATCHING = False

    assert both(CLAIM, express=False)[0] == "201 Created"


@pytest.mark.parametrize("host", ["evil.example", "a b", ""])
def test_a_host_that_is_not_ours_goes_the_long_way(both: Callable[..., Answered], settings: Any, host: str) -> None:
    settings.ALLOWED_HOSTS = ["promo.example"]

    assert both(CLAIM, express=False, HTTP_HOST=host)[0] == "400 Bad Request"


def test_whoever_comes_without_encryption_is_sent_the_long_way(both: Callable[..., Answered], settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert both(CLAIM, express=False, HTTP_HOST="shop.example")[0] == "301 Moved Permanently"
    status, headers, _ = both(CLAIM, HTTP_HOST="shop.example", HTTP_X_FORWARDED_PROTO="https")
    assert status == "201 Created"
    assert headers["Strict-Transport-Security"] == "max-age=3600"


def test_a_defect_is_answered_without_details(both: Callable[..., Answered], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vouchers.services.claim", lambda **_: next(itertools.repeat(1 / 0)))

    status, _, body = both(CLAIM)
    assert status == "500 Internal Server Error"
    assert "Zero" not in body
