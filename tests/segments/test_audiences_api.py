"""Internal API of audiences: JSON documents and streams of any length."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.models import Brand, Customer
from core import streams
from core.errors import InvalidRequest
from segments.models import Audience
from tests.factories import ApiKeyFactory, BrandFactory, MembershipFactory

pytestmark = pytest.mark.django_db
PATH = "/api/internal/v1/audiences/{}/vip/"


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def data_platform() -> Client:
    """Client of the data data_platform."""
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})


def send(client: Client, body: Any, path: str = PATH.format("billo")) -> Any:
    return client.post(path, body, content_type="application/json")


def stream(client: Client, body: bytes, query: str = "operation=add", kind: str = "text/csv", **headers: str) -> Any:
    return client.generic("POST", f"{PATH.format('billo')}?{query}", body, kind, headers=headers)


def test_a_document_changes_an_audience(brand: Brand, data_platform: Client) -> None:
    response = send(data_platform, {"operation": "replace", "customer_ids": ["c1", "c2", "c1"], "version": 7})

    assert (response.status_code, response.json()) == (200, {"received": 3, "added": 2, "removed": 0, "size": 2})
    audience = Audience.objects.get()
    assert (audience.brand, audience.segment_type, audience.version, audience.size) == (brand, "vip", 7, 2)


def test_the_merchant_id_is_the_id_or_slug_of_the_brand(brand: Brand, data_platform: Client) -> None:
    for name in ("billo", str(brand.pk)):
        assert send(data_platform, {"operation": "add", "customer_ids": [name]}, PATH.format(name)).status_code == 200

    assert Audience.objects.get().size == 2


@pytest.mark.parametrize("name", ["nosuch", "00000000-0000-7000-8000-000000000000", "%00", "x" * 200])
def test_an_unknown_merchant_is_not_found(brand: Brand, data_platform: Client, name: str) -> None:
    assert send(data_platform, {"operation": "add", "customer_ids": ["c1"]}, PATH.format(name)).status_code == 404

    assert not Audience.objects.exists()


def test_an_older_version_is_reported_as_stale(brand: Brand, data_platform: Client) -> None:
    send(data_platform, {"operation": "replace", "customer_ids": ["c1"], "version": 7})

    response = send(data_platform, {"operation": "replace", "customer_ids": [], "version": 6})

    assert response.json() == {"received": 0, "added": 0, "removed": 0, "size": 1, "stale": True}


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "destroy"}, {"operation": None}, {"customer_ids": "c1"}, {"customer_ids": None}, {"version": -1},
        {"customer_ids": ["c1", 7]}, {"customer_ids": [None]}, {"customer_ids": [["c1"]]}, {"customer_ids": [""]},
        {"customer_ids": ["x" * 101]}, {"customer_ids": ["a\nb"]}, {"version": 2**63}, {"version": "7"},
        {"version": True}, {"customer_ids": {"c1": 1}},
    ],
)  # fmt: skip
def test_invalid_values_are_reported_at_their_fields(
    brand: Brand, data_platform: Client, change: dict[str, Any]
) -> None:
    response = send(data_platform, {"operation": "add", "customer_ids": ["c1"]} | change)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    (name,) = change
    assert response.json()["errors"][0]["field"].startswith(name)
    assert not Customer.objects.exists()


def test_a_document_has_at_most_100_000_ids(brand: Brand, data_platform: Client) -> None:
    body = {"operation": "add", "customer_ids": [f"c{number}" for number in range(100_001)]}

    response = send(data_platform, body)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "customer_ids")

    body["customer_ids"] = body["customer_ids"][1:]
    assert send(data_platform, body).json() == {"received": 100_000, "added": 100_000, "removed": 0, "size": 100_000}


def test_a_document_over_the_size_limit_is_rejected(brand: Brand, data_platform: Client, settings: Any) -> None:
    settings.AUDIENCE_BODY_LIMIT = 100

    assert send(data_platform, {"operation": "add", "customer_ids": ["c" * 100]}).status_code == 413
    assert not Audience.objects.exists()


def test_an_invalid_segment_type_is_rejected(brand: Brand, data_platform: Client) -> None:
    path = "/api/internal/v1/audiences/billo/a b/"

    response = send(data_platform, {"operation": "add", "customer_ids": ["c1"]}, path)
    streamed = data_platform.generic("POST", f"{path}?operation=add", b"c1\n", "text/csv")

    assert response.json()["errors"][0]["field"] == streamed.json()["errors"][0]["field"] == "segment_type"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b"customer_id\nc1\nc2\n"),
        ("text/csv; charset=utf-8", b"c1;x\r\nc2;y\r\n"),
        ("application/x-ndjson", b'"c1"\n{"customer_id": "c2"}\n'),
    ],
)
def test_a_stream_changes_an_audience(brand: Brand, data_platform: Client, kind: str, body: bytes) -> None:
    response = stream(data_platform, body, "operation=replace&version=3", kind)

    assert (response.status_code, response.json()) == (200, {"received": 2, "added": 2, "removed": 0, "size": 2})
    assert Audience.objects.get().version == 3


def test_a_stream_can_exceed_the_size_limits_of_documents(brand: Brand, data_platform: Client, settings: Any) -> None:
    settings.AUDIENCE_BODY_LIMIT = settings.BODY_LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = stream(data_platform, b"".join(b"customer-%d\n" % number for number in range(20_000)))

    assert response.json()["size"] == 20_000


def test_a_gzipped_stream_is_decompressed(brand: Brand, data_platform: Client) -> None:
    packed = gzip.compress(b"c1\nc2\n")

    assert stream(data_platform, packed, **{"Content-Encoding": "gzip"}).json()["size"] == 2
    assert stream(data_platform, packed[:-4], **{"Content-Encoding": "gzip"}).status_code == 400
    assert stream(data_platform, packed, **{"Content-Encoding": "br"}).status_code == 415
    body = json.dumps({"operation": "add", "customer_ids": ["c3"]}).encode()
    assert stream(data_platform, body, "", "application/json", **{"Content-Encoding": "gzip"}).status_code == 415
    assert Audience.objects.get().size == 2


def test_invalid_lines_are_reported_by_number_and_change_nothing(brand: Brand, data_platform: Client) -> None:
    stream(data_platform, b"c1\n")

    response = stream(data_platform, b"c2\n\x07\nc3\n" + b"x" * 101 + b"\n", "operation=replace")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["line 2", "line 4"]
    assert "2 lines" in response.json()["detail"]
    assert set(Customer.objects.values_list("customer_id", flat=True)) == {"c1"}


@pytest.mark.parametrize(
    "query", ["", "operation=destroy", "operation=add&version=x", "operation=add&version=-1", "operation=%00"]
)
def test_a_stream_requires_a_valid_operation(brand: Brand, data_platform: Client, query: str) -> None:
    assert stream(data_platform, b"c1\n", query).status_code == 400
    assert not Audience.objects.exists()


def test_an_empty_stream_can_empty_an_audience(brand: Brand, data_platform: Client) -> None:
    stream(data_platform, b"c1\n")

    assert stream(data_platform, b"customer_id\n", "operation=replace").json() == {
        "received": 0,
        "added": 0,
        "removed": 1,
        "size": 0,
    }


def test_another_content_type_is_rejected(brand: Brand, data_platform: Client) -> None:
    assert stream(data_platform, b"c1\n", kind="application/octet-stream").status_code == 415


def test_a_truncated_body_is_rejected() -> None:
    """Otherwise, a truncated file would replace the whole audience."""
    request: HttpRequest = RequestFactory().generic("POST", "/", b"c1\nc2\n", "text/csv")
    request.META["CONTENT_LENGTH"] = "600"

    with pytest.raises(InvalidRequest, match="incomplete"):
        list(streams.iter_body(request))


@pytest.mark.parametrize("path", [PATH.format("billo"), "/api/v1/checkout/quote/"])
def test_a_body_without_a_length_is_rejected(brand: Brand, data_platform: Client, path: str) -> None:
    """Servers hide that a chunked body was truncated."""
    response = data_platform.post(path, b"c1\n", content_type="text/csv", headers={"Transfer-Encoding": "chunked"})

    assert (response.status_code, response.json()["code"]) == (411, "length_required")


def test_only_internal_keys_can_update_audiences(
    brand: Brand, shopper_client: Callable[[Any], Client], brand_client: Callable[[Brand], Client]
) -> None:
    for client in (brand_client(brand), shopper_client(MembershipFactory(brand=brand).user)):
        for path in (PATH.format("billo"), PATH.format("nosuch")):
            assert send(client, {"operation": "add", "customer_ids": ["c1"]}, path).status_code == 403
    assert Client().post(PATH.format("billo")).status_code == 401

    assert not Audience.objects.exists()
