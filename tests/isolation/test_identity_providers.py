"""A brand that requires its identity provider gives a password no endpoint and no page."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Method, SignOn
from accounts.models import Brand, User
from accounts.services import tokens_for
from tests.factories import PASSWORD, BrandFactory, MembershipFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row
from tests.isolation.test_second_factors import ROUTES, STAFF_ROWS, fill, row_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


@pytest.mark.parametrize("row", STAFF_ROWS, ids=row_id)
def test_an_endpoint_of_staff_is_closed_to_passwords(row: Row, world: World) -> None:
    Brand.objects.filter(slug="billo").update(sso=SignOn.REQUIRED)
    owner = User.objects.get(memberships__brand__slug="billo", memberships__role="owner")
    token = tokens_for(user=owner, at=timezone.now(), methods=[Method.PASSWORD, Method.CODE]).access
    world.clients["owner"] = Client(headers={"Authorization": f"Bearer {token}"})

    refused = world.call("owner", row.method, world.path(row.route, row.ids), row.body)

    assert (refused.status_code, refused.json()["code"]) == (403, "identity_provider_required")
    assert not world.leaks(refused)


def test_no_page_of_the_admin_opens_with_a_password(settings: Any) -> None:
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    user = MembershipFactory(brand=BrandFactory()).user
    client = Client()
    assert client.post("/admin/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
    Brand.objects.update(sso=SignOn.REQUIRED)

    assert len(ROUTES) > 100
    for route in ROUTES:
        path = fill(route)
        for response in (client.get(path), client.post(path)):
            assert response.status_code == 302, (path, response.status_code)
            to = response.url  # type: ignore[attr-defined]
            assert to.startswith("/admin/login/?next=") or (route == "admin/logout/" and to == "/admin/"), path
