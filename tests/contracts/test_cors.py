"""Pages of a brand may call the endpoints of shoppers with a shopper's token, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.api.cors import origins
from accounts.contracts import normalize_origin
from accounts.models import Brand
from tests.factories import ApiKeyFactory, BrandFactory, MembershipFactory, ShopperFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import resolved_views, rows

pytestmark = pytest.mark.django_db
SHOP, EVIL = "https://www.shop.example", "https://evil.example"
ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def fresh_origins() -> Iterator[None]:
    """Origins as the database has them."""
    origins.clear()
    yield
    origins.clear()


@pytest.fixture
def brand() -> Brand:
    created: Brand = BrandFactory(slug="shop", browser_origins=[SHOP])
    return created


def preflight(path: str, origin: str, method: str = "POST") -> Any:
    return Client().options(path, headers={"Origin": origin, "Access-Control-Request-Method": method})


def cors_headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("Access-Control")}


def test_only_views_for_browsers_answer_other_origins(world: World) -> None:
    Brand.objects.filter(slug="billo").update(browser_origins=[SHOP])
    views = {route: view for route, _, view in resolved_views()}
    for row in rows():
        path = world.path(row.route, row.ids, missing=True)

        asked = preflight(path, SHOP, row.method)
        sent = world.call("shopper", row.method, path, row.body, Origin=SHOP)

        is_answered = views[row.route].is_for_browsers
        assert (bool(cors_headers(asked)), bool(cors_headers(sent))) == (is_answered, is_answered), row
        if is_answered:
            assert asked.status_code == 204
            assert asked.headers["Access-Control-Allow-Methods"] == "GET, POST"
            assert "Origin" in sent.headers["Vary"]
        assert cors_headers(world.call("shopper", row.method, path, row.body, Origin=EVIL)) == {}


def test_an_allowed_page_reads_an_answer_without_cookies(brand: Brand, shopper_client: Callable[..., Client]) -> None:
    response = shopper_client(ShopperFactory()).get(ME, headers={"Origin": SHOP})

    assert response.headers["Access-Control-Allow-Origin"] == SHOP
    assert "ETag" in response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin", [EVIL, f"{SHOP}.evil.example", "http://www.shop.example", f"{SHOP}:8443", "null", "*"]
)
def test_other_origins_get_no_headers(origin: str, brand: Brand, shopper_client: Callable[..., Client]) -> None:
    client = shopper_client(ShopperFactory())

    assert cors_headers(client.get(ME, headers={"Origin": origin})) == {}
    assert cors_headers(preflight(ME, origin)) == {}


def test_keys_and_inactive_brands_get_no_headers(brand: Brand, shopper_client: Callable[..., Client]) -> None:
    key = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(brand=brand).text}"})
    assert cors_headers(key.get("/api/v1/coupons/", headers={"Origin": SHOP})) == {}

    Brand.objects.update(is_active=False)
    origins.clear()
    assert cors_headers(shopper_client(ShopperFactory()).get(ME, headers={"Origin": SHOP})) == {}


def test_owners_set_the_origins(brand: Brand, shopper_client: Callable[..., Client]) -> None:
    owner = shopper_client(MembershipFactory(brand=brand, role="owner").user)
    editor = shopper_client(MembershipFactory(brand=brand, role="editor").user)
    url, body = "/api/v1/brands/shop/", {"browser_origins": ["HTTPS://Shop.Example:443/", "http://localhost:3000"]}

    changed = owner.patch(url, body, content_type="application/json")

    assert changed.json()["browser_origins"] == ["https://shop.example", "http://localhost:3000"]
    assert owner.get(url).json() == changed.json()
    assert editor.patch(url, body, content_type="application/json").status_code == 403
    for invalid in ("*", "https://*.shop.example", "http://shop.example", "https://shop.example/page", "shop.example"):
        refused = owner.patch(url, {"browser_origins": [invalid]}, content_type="application/json")
        assert refused.json()["errors"][0]["field"] == "browser_origins.0"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://a.example", "https://a.example"), (" https://A.Example:443/ ", "https://a.example"),
        ("https://a.example:8443", "https://a.example:8443"), ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1", "http://127.0.0.1"), ("http://a.example", None), ("https://a.example/x", None),
        ("https://*.example", None), ("*", None), ("null", None), ("https://a.example:0", None),
        ("https://a.example:99999", None), ("https://user@a.example", None), ("", None),
    ],
)  # fmt: skip
def test_origins_are_normalized(text: str, origin: str | None) -> None:
    assert normalize_origin(text) == origin
