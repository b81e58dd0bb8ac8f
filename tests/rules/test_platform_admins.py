"""A platform admin may use the internal API for every brand, as a service with an API key does; other users may not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import User
from tests.factories import ApiKeyFactory, CampaignFactory, MembershipFactory, UserFactory
from tests.rules.api import Shop

pytestmark = pytest.mark.django_db
INTERNAL = "/api/internal/v1/"
AUDIENCE = f"{INTERNAL}audiences/billo/vip/"
SEGMENT = {"merchant_id": "billo", "segment_type": "vip", "start_date": "2098-01-01", "end_date": "2098-02-01"}
ClientOf = Callable[[User], Client]


@pytest.fixture
def admin(shopper_client: ClientOf) -> Client:
    """A signed-in platform admin, who is no member of a brand."""
    return shopper_client(UserFactory(is_superuser=True))


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, content_type="application/json")


def use_every_endpoint(client: Client) -> list[int]:
    """Return the statuses of the endpoints of the internal API, in the order of a working day."""
    responses = [send(client, "post", AUDIENCE, {"operation": "replace", "customer_ids": ["c1", "c2"]})]
    responses.append(client.get(AUDIENCE))
    responses.append(send(client, "post", f"{INTERNAL}sync-segment/", SEGMENT))
    segment = f"{INTERNAL}segments/{responses[-1].json().get('segment_id', SEGMENT_OF_NOBODY)}/"
    responses += [client.get(segment), client.delete(segment)]
    event = {"event_id": "1", "customer_id": "c1", "at": timezone.now().isoformat(), "campaign": "spring"}
    responses.append(send(client, "post", f"{INTERNAL}login-events/", [event]))
    responses.append(client.post(f"{AUDIENCE}?operation=add", b"c3\n", content_type="text/csv"))
    return [response.status_code for response in responses]


SEGMENT_OF_NOBODY = "00000000-0000-7000-8000-000000000000"


def test_a_platform_admin_uses_the_internal_api_like_a_service(shop: Shop, admin: Client) -> None:
    CampaignFactory(brand=shop.brand, slug="spring", start_date=timezone.now() - timedelta(days=1))
    service = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})

    assert use_every_endpoint(admin) == [200, 200, 202, 200, 204, 200, 200]
    sizes = [
        (client.get(AUDIENCE).json()["size"], client.get(AUDIENCE).json()["with_free_slot"])
        for client in (admin, service)
    ]
    assert sizes == [(3, 3), (3, 3)]


@pytest.mark.parametrize(
    "user",
    [
        lambda shop: UserFactory(),
        lambda shop: MembershipFactory().user,
        lambda shop: MembershipFactory(brand=shop.brand, role=Role.OWNER).user,
    ],
    ids=["user", "owner of another brand", "owner"],
)
def test_other_users_may_not(user: Callable[[Shop], User], shop: Shop, shopper_client: ClientOf) -> None:
    assert set(use_every_endpoint(shopper_client(user(shop)))) == {403}


def test_a_brands_key_may_not(shop: Shop) -> None:
    assert set(use_every_endpoint(shop.client)) == {403}


def test_a_former_admin_may_not_although_the_token_says_so(shop: Shop, shopper_client: ClientOf) -> None:
    user = UserFactory(is_superuser=True)
    client = shopper_client(user)
    assert client.get(AUDIENCE).status_code == 404  # there is no such audience yet

    User.objects.filter(pk=user.pk).update(is_superuser=False)

    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        assert set(use_every_endpoint(client)) == {403}


def test_an_unknown_brand_is_not_found(admin: Client) -> None:
    assert admin.get(f"{INTERNAL}audiences/nobody/vip/").status_code == 404
    body = SEGMENT | {"merchant_id": "nobody"}
    assert send(admin, "post", f"{INTERNAL}sync-segment/", body).status_code in {400, 404}
