"""Input of API clients: whatever they send, the response is never a 500, HTML or a stack trace."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.models import Brand, User
from checkout.models import Redemption
from core.api import MAX_DEPTH
from discounts.models import Usage
from promoplatform.wsgi import application
from tests.factories import BrandFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
USES, CODES, QUOTE = "/api/v1/discountcodeusage/", "/api/v1/discountcode/", "/api/v1/checkout/quote/"
REDEMPTIONS = "/api/v1/checkout/redemptions/"
CART = {"currency": "EUR", "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "9.00"}]}


@pytest.fixture
def client(shopper_client: ClientOf) -> Client:
    return shopper_client(ShopperFactory())


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory()
    return made


def is_problem(response: Any, status: int, code: str) -> bool:
    assert response["Content-Type"] == "application/problem+json", response.content[:500]
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["status"] == status
    return True


NESTED = b'{"discount_code": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
MALFORMED = {
    "nothing that is JSON": b"{",
    "a NUL in a text": b'{"discount_code": "A\\u0000B"}',
    "a NUL in a name": b'{"a\\u0000": 1, "discount_code": "TEN"}',
    "half a pair of surrogates": b'{"discount_code": "\\ud800"}',
    "half a pair in a name": b'{"\\udfff": 1, "discount_code": "TEN"}',
    "bottomless nesting": NESTED,
    "deep nesting": b'{"discount_code": ' + b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH + b"}",
    "NaN": b'{"discount_code": "TEN", "amount": NaN}',
    "Infinity": b'{"discount_code": "TEN", "amount": -Infinity}',
    "a number beyond all numbers": b'{"discount_code": "TEN", "amount": 1e999}',
    "an endless whole number": b'{"discount_code": "TEN", "amount": ' + b"9" * 5_000 + b"}",
    "bytes that are not UTF-8": b'{"discount_code": "\xff"}',
    "UTF-16": '{"discount_code": "TEN"}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["plain", "with a key"])
def test_malformed_json_is_rejected(client: Client, body: bytes, headers: dict[str, str]) -> None:
    DiscountCodeFactory(text="TEN")

    response = client.post(USES, body, content_type="application/json", headers=headers)

    assert is_problem(response, 400, "invalid")
    assert not Usage.objects.exists()


@pytest.mark.parametrize("body", [b"null", b"[]", b"7", b'"TEN"', b"true", b'[{"discount_code": "TEN"}]', b"{}", b""])
@pytest.mark.parametrize("path", [USES, CODES, QUOTE, REDEMPTIONS])
def test_json_that_is_not_an_object_is_rejected(client: Client, path: str, body: bytes) -> None:
    assert is_problem(client.post(path, body, content_type="application/json"), 400, "invalid")


@pytest.mark.parametrize(
    "value", [None, True, 7, 1.5, -1, 10**4000, "x" * 100_000, "", [], {}, [[]], {"a": {}}], ids=lambda v: str(v)[:20]
)
@pytest.mark.parametrize(
    "name",
    ["currency", "lines", "shipping", "codes", "vouchers", "country", "transaction_type", "order", "ttl_seconds"],
)
def test_fields_of_a_wrong_type_are_never_a_server_error(client: Client, name: str, value: object) -> None:
    response = client.post(REDEMPTIONS, json.dumps(CART | {"order": "1", name: value}), content_type="application/json")

    if len(str(value)) >= 32 * 1024:  # more than the cart of a shopper may have
        assert is_problem(response, 413, "payload_too_large")
        return
    assert response.status_code in (201, 400), response.content
    assert response.status_code == 201 or is_problem(response, 400, "invalid")


@pytest.mark.parametrize(
    "name", ["quantity", "unit_price", "min_unit_price", "id", "sku", "categories", "brand", "discountable"]
)
@pytest.mark.parametrize("value", [None, True, 10**30, 1e300, -1, "1e5", "9" * 15, "", [], {}], ids=str)
def test_line_fields_of_a_wrong_type_are_never_a_server_error(client: Client, name: str, value: object) -> None:
    cart = CART | {"order": "1", "lines": [CART["lines"][0] | {name: value}]}  # type: ignore[operator]

    response = client.post(REDEMPTIONS, json.dumps(cart), content_type="application/json")

    assert response.status_code in (201, 400), response.content


def test_nesting_up_to_the_limit_is_accepted(client: Client) -> None:
    body = b'{"discount_code": ' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"

    response = client.post(USES, body, content_type="application/json")

    assert [fault["field"] for fault in response.json()["errors"]] == ["discount_code"]


def test_a_body_over_1_mib_is_rejected_before_it_is_read(client: Client) -> None:
    fits = b'{"discount_code": "' + b"A" * (1024 * 1024 - 21) + b'"}'
    assert len(fits) == 1024 * 1024

    assert is_problem(client.post(USES, fits, content_type="application/json"), 400, "invalid")
    assert is_problem(client.post(USES, fits + b" ", content_type="application/json"), 413, "payload_too_large")
    assert is_problem(
        Client().post("/api/nothing/", fits + b" ", content_type="application/json"), 413, "payload_too_large"
    )


@pytest.mark.parametrize("length", ["-1", "x", "²", "1e9", " ", "٣"])
def test_an_invalid_content_length_is_no_server_error(client: Client, length: str) -> None:
    response = client.post(USES, b"{}", content_type="application/json", CONTENT_LENGTH=length)

    assert is_problem(response, 400, "invalid")


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/nothing/", "/api/v1/discountcode", "/api/v1/checkout/redemptions/x/"]
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_unknown_url_is_404_for_any_method(method: str, path: str) -> None:
    unguarded = Client(enforce_csrf_checks=True)

    response = getattr(unguarded, method)(path, content_type="application/json")

    assert is_problem(response, 404, "not_found")


def test_an_unknown_url_outside_the_api_is_an_html_page() -> None:
    response = Client().get("/nothing/")

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", QUOTE, {"POST", "OPTIONS"}),
        ("put", CODES, {"GET", "POST", "HEAD", "OPTIONS"}),
        ("post", "/api/v1/me/", {"GET", "PATCH", "DELETE", "HEAD", "OPTIONS"}),
        ("post", "/api/v1/discountcode/TEN/", {"GET", "PATCH", "DELETE", "HEAD", "OPTIONS"}),
        ("trace", QUOTE, {"POST", "OPTIONS"}),
    ],
)
def test_a_wrong_method_returns_the_allowed_methods(client: Client, method: str, path: str, allowed: set[str]) -> None:
    response = getattr(client, method)(path)

    assert is_problem(response, 405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) >= allowed - {"HEAD"}
    assert method.upper() not in response["Allow"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "x"],
)
def test_an_unsupported_content_type_is_rejected(client: Client, content_type: str) -> None:
    response = client.generic("POST", QUOTE, b"a=b", content_type=content_type)

    assert is_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-16", "zlib", "rot13", "hex", "latin-1", "idna"])
def test_an_unsupported_charset_is_rejected(client: Client, charset: str) -> None:
    content_type = f"application/json; charset={charset}"

    assert is_problem(client.generic("POST", QUOTE, b"{}", content_type=content_type), 415, "unsupported_media_type")
    assert is_problem(client.get(REDEMPTIONS, CONTENT_TYPE=content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("charset", "query", "status"),
    [("zlib", "order=%41", "415"), ("utf-8", "&".join(["a=1"] * 2000), "400"), ("utf-8", "a=%41", "404")],
)
def test_an_invalid_query_string_is_answered_as_a_problem(charset: str, query: str, status: str) -> None:
    environ = RequestFactory()._base_environ(  # type: ignore[attr-defined]
        PATH_INFO="/api/nothing/", CONTENT_TYPE=f"text/x; charset={charset}", QUERY_STRING=query
    )
    answered: list[Any] = []

    body = application(environ, lambda *answer: answered.extend(answer))

    assert answered[0].startswith(status)
    assert dict(answered[1])["Content-Type"] == "application/problem+json"
    assert json.loads(b"".join(body))["status"] == int(status)


@pytest.mark.parametrize("path", ["/admin/login/", "/accounts/", "/unsubscribe/x/"])
@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "unicode_escape", "latin-1"])
@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_page_rejects_an_unsupported_charset(path: str, charset: str, form: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n+2AA-\\ud800\r\n--x--\r\n'

    for method in ("GET", "POST"):
        answer = Client().generic(
            method, path, body, content_type=f"{form}; charset={charset}", QUERY_STRING="q=%2B2AA-"
        )
        assert answer.status_code == 400


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary*=nosuch''x", "text/x; charset*=nosuch''x"])
def test_a_malformed_content_type_is_treated_as_missing(content_type: str) -> None:
    answered: list[Any] = []
    environ = RequestFactory()._base_environ(  # type: ignore[attr-defined]
        PATH_INFO="/api/nothing/", REQUEST_METHOD="POST", CONTENT_TYPE=content_type
    )

    application(environ, lambda *answer: answered.extend(answer))

    assert answered[0].startswith("404")


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "DELETE"])
def test_the_documentation_is_read_only(method: str) -> None:
    assert Client().generic(method, "/api/docs/").status_code == 405


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", '"utf-8"', "nonsense"])
def test_utf_8_is_accepted_by_all_its_names(client: Client, charset: str) -> None:
    body = json.dumps(CART | {"transaction_type": "Käufe"}, ensure_ascii=False).encode()

    assert client.generic("POST", QUOTE, body, content_type=f"application/json; charset={charset}").status_code == 200


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "image/*", "application/json;version=x;q=broken, text/css"]
)
def test_an_unavailable_media_type_is_rejected(client: Client, accept: str) -> None:
    response = client.get("/api/v1/me/", headers={"Accept": accept})

    assert response.status_code in (200, 406)
    assert response.status_code == 200 or is_problem(response, 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*", "text/html, application/json;q=0.1"])
def test_json_is_returned_for_any_accept_header_that_includes_it(client: Client, accept: str) -> None:
    assert client.get("/api/v1/me/", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("query", ["?order=%00", "?order=a%00b", "?limit=%00", "?cursor=%00", "?%00=1", "?brand=%00"])
@pytest.mark.parametrize("path", [REDEMPTIONS, CODES])
def test_a_nul_in_the_query_string_is_rejected(client: Client, path: str, query: str) -> None:
    assert is_problem(client.get(path + query), 400, "invalid")


@pytest.mark.parametrize(
    "name", ["%00", "%ED%A0%80", "a%2Fb", "..", "%F0%9F%98%80", "x" * 3000, "'; DROP TABLE x; --", "a" * 64]
)
def test_any_name_in_a_url_is_no_server_error(client: Client, name: str) -> None:
    response = client.get(f"/api/v1/discountcode/{name}/")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "", "1.5", "9" * 5_000, "٣", "²", "+5", " 5"])
def test_an_invalid_limit_is_rejected(client: Client, limit: str) -> None:
    response = client.get(REDEMPTIONS, {"limit": limit})

    assert is_problem(response, 400, "invalid")
    assert response.json()["errors"][0]["field"] == "limit"


CURSORS = [
    "x",
    "cD0=",
    "p=abc",
    "p=9999999999999999999999",
    "p=\x00",
    "o=-1",
    "o=x",
    "r=x",
    "p=2027-01-01",
    "p=é",
    "p=1&p=2&r=1&o=99999999999999999999",
]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_forged_cursor_is_no_server_error(client: Client, cursor: str) -> None:
    for made in (cursor, base64.b64encode(cursor.encode()).decode()):
        for path, query in ((REDEMPTIONS, {}), (CODES, {"brand": "billo"})):
            response = client.get(path, {**query, "cursor": made})

            assert response.status_code in (200, 400), (made, response.content)
            assert response.status_code == 200 or is_problem(response, 400, "invalid")


def test_pages_list_all_rows_newest_first_in_both_directions(client: Client) -> None:
    for number in range(7):
        client.post(REDEMPTIONS, CART | {"order": str(number)}, content_type="application/json")
    wanted = [str(pk) for pk in Redemption.objects.order_by("-pk").values_list("pk", flat=True)]

    seen, previous, address = [], "", REDEMPTIONS + "?limit=3"
    while address:
        page = client.get(address).json()
        seen.append([row["id"] for row in page["results"]])
        address, previous = page["next"], page["previous"]

    assert seen == [wanted[:3], wanted[3:6], wanted[6:]]
    assert [row["id"] for row in client.get(previous).json()["results"]] == wanted[3:6]


def test_a_server_error_has_no_details(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(APIView):
        authentication_classes = permission_classes = throttle_classes = ()

        def get(self, request: Request) -> Response:
            raise ZeroDivisionError("the secret detail")

    response = Broken.as_view()(APIRequestFactory().get("/"))

    assert (response.status_code, json.loads(response.content)["code"]) == (500, "server_error")
    assert b"secret detail" not in response.content
    assert any("server_error" in str(record.msg) for record in caplog.records)


def test_an_unknown_host_gets_a_problem_document(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["promo.example"]

    assert is_problem(Client().get("/api/v1/me/", headers={"Host": "evil.example"}), 400, "invalid")


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer x y", "Api-Key \xe9", "Basic YTpi", "Bearer " + "x" * 8000, "\xff"]
)
def test_malformed_credentials_are_rejected(authorization: str) -> None:
    response = Client().get("/api/v1/me/", headers={"Authorization": authorization})

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"]


def test_an_anonymous_request_is_asked_to_authenticate(brand: Brand, client: Client) -> None:
    assert is_problem(Client().get(CODES), 401, "not_authenticated")
    assert User.objects.count() == 1
