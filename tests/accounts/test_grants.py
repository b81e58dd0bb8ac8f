"""Grants between brands: API and admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.contracts import Role
from accounts.models import AcceptanceGrant, Brand, User
from tests.factories import PASSWORD, BrandFactory, MembershipFactory

pytestmark = pytest.mark.django_db
GRANTS, ADMIN = "/api/v1/brand-grants/", "/admin/accounts/acceptancegrant/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def tea() -> Brand:
    brand: Brand = BrandFactory(slug="tea")
    return brand


def staff(brand: Brand, role: Role) -> User:
    user: User = MembershipFactory(brand=brand, role=role).user
    return user


def post(client: Client, **body: Any) -> Any:
    return client.post(GRANTS, {"acceptor": "tea", "kinds": ["coupon"]} | body, content_type="application/json")


def test_owners_grant_and_both_brands_read(
    billo: Brand, tea: Brand, shopper_client: ClientOf, brand_client: ClientOf
) -> None:
    owner, viewer = shopper_client(staff(billo, Role.OWNER)), shopper_client(staff(tea, Role.VIEWER))

    created = post(owner, kinds=["voucher", "coupon", "coupon"])

    assert created.status_code == 201
    grant = created.json()
    assert (grant["issuer"], grant["acceptor"], grant["kinds"]) == ("billo", "tea", ["coupon", "voucher"])
    assert grant["ended_at"] is None
    for client in (owner, viewer, brand_client(billo), brand_client(tea)):
        assert client.get(GRANTS).json()["results"] == [grant]
    assert brand_client(BrandFactory()).get(GRANTS).json()["results"] == []


def test_a_new_grant_replaces_the_current_one(billo: Brand, tea: Brand, shopper_client: ClientOf) -> None:
    owner = shopper_client(staff(billo, Role.OWNER))
    post(owner)

    post(owner, kinds=["promotion"])

    newest, former = owner.get(GRANTS).json()["results"]
    assert (newest["kinds"], newest["ended_at"]) == (["promotion"], None)
    assert (former["kinds"], former["ended_at"]) == (["coupon"], newest["created_at"])


@pytest.mark.parametrize("maximum", [None, "500.00", {"EUR": "500.00", "JPY": "60000"}])
def test_a_grant_shows_its_maximum_per_month(
    maximum: Any, billo: Brand, tea: Brand, shopper_client: ClientOf, brand_client: ClientOf
) -> None:
    created = post(shopper_client(staff(billo, Role.OWNER)), **({"max_per_month": maximum} if maximum else {}))

    assert (created.status_code, created.json()["max_per_month"]) == (201, maximum)
    assert brand_client(tea).get(GRANTS).json()["results"] == [created.json()]


def test_a_grant_is_ended_by_its_issuer_only(
    billo: Brand, tea: Brand, shopper_client: ClientOf, brand_client: ClientOf
) -> None:
    owner = shopper_client(staff(billo, Role.OWNER))
    path = f"{GRANTS}{post(owner).json()['id']}/"

    assert brand_client(tea).delete(path).status_code == 403
    assert shopper_client(staff(tea, Role.OWNER)).delete(path).status_code == 403
    assert shopper_client(staff(billo, Role.EDITOR)).delete(path).status_code == 403
    assert shopper_client(staff(BrandFactory(), Role.OWNER)).delete(path).status_code == 404
    assert AcceptanceGrant.objects.get().ended_at is None

    assert [owner.delete(path).status_code for _ in range(2)] == [204, 204]
    assert AcceptanceGrant.objects.get().ended_at is not None


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_grant(
    role: Role, billo: Brand, tea: Brand, shopper_client: ClientOf, brand_client: ClientOf
) -> None:
    assert post(shopper_client(staff(billo, role))).status_code == 403
    assert post(brand_client(billo)).status_code == 403
    assert not AcceptanceGrant.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"acceptor": "nosuch"}, "acceptor"),
        ({"acceptor": "closed"}, "acceptor"),
        ({"acceptor": "billo"}, "acceptor"),
        ({"acceptor": None}, "acceptor"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["hat"]}, "kinds.0"),
        ({"kinds": "coupon"}, "kinds"),
        ({"maximum": "10.00"}, "maximum"),
        ({"max_per_month": "10.001"}, "max_per_month"),
        ({"max_per_month": "0.00"}, "max_per_month"),
        ({"max_per_month": 10}, "max_per_month"),
        ({"max_per_month": {"XXY": "10.00"}}, "max_per_month.XXY"),
        ({"max_per_month": {}}, "max_per_month"),
    ],
)
def test_invalid_grants_are_rejected(
    body: dict[str, Any], field: str, billo: Brand, tea: Brand, shopper_client: ClientOf
) -> None:
    BrandFactory(slug="closed", is_active=False)

    response = post(shopper_client(staff(billo, Role.OWNER)), **body)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not AcceptanceGrant.objects.exists()


def test_owners_create_and_end_grants_in_the_admin(billo: Brand, tea: Brand) -> None:
    client, other = Client(), Client()
    client.login(username=staff(billo, Role.OWNER).username, password=PASSWORD)
    other.login(username=staff(tea, Role.OWNER).username, password=PASSWORD)
    body = {"issuer": billo.pk, "acceptor": tea.pk, "kinds": ["coupon", "voucher"]}

    assert other.post(f"{ADMIN}add/", body).status_code == 200
    assert not AcceptanceGrant.objects.exists()
    assert client.post(f"{ADMIN}add/", body).status_code == 302

    grant = AcceptanceGrant.objects.get()
    assert (grant.issuer, grant.acceptor, grant.kinds) == (billo, tea, ["coupon", "voucher"])
    assert "Coupon, Voucher" in client.get(ADMIN).text
    assert "Coupon, Voucher" in client.get(f"{ADMIN}{grant.pk}/change/").text
    assert other.get(f"{ADMIN}{grant.pk}/change/").status_code == 404

    refused = client.post(f"{ADMIN}add/", body | {"amount_per_month": "1.001"})
    assert "amount_per_month" in refused.context["adminform"].form.errors
    client.post(f"{ADMIN}add/", body | {"kinds": ["promotion"], "amount_per_month": "1250.00"})
    newest = AcceptanceGrant.objects.get(ended_at=None)
    assert (newest.kinds, newest.max_per_month) == (["promotion"], {"EUR": 125_000})
    assert "€1,250.00" in client.get(ADMIN).text
    client.post(ADMIN, {"action": "end", "_selected_action": [newest.pk]})
    assert not AcceptanceGrant.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_see_grants_in_the_admin(role: Role, billo: Brand) -> None:
    client = Client()
    client.login(username=staff(billo, role).username, password=PASSWORD)

    assert client.get(ADMIN).status_code == 403
