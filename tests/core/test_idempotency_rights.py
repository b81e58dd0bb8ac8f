"""Who lost a right since the first request doesn't get its stored response."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.contracts import Role
from accounts.models import Brand, Membership, User
from promotions.models import Promotion
from tests.factories import ApiKeyFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
SALE = {
    "name": "secret sale", "start_date": "2099-01-01", "end_date": "2099-02-01", "trigger": "automatic",
    "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
}  # fmt: skip


def create_sale(client: Client, brand: Brand) -> Any:
    return client.post(
        "/api/v1/promotions/",
        SALE | {"brand": brand.slug},
        content_type="application/json",
        headers={"Idempotency-Key": "1"},
    )


def lower_role(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(role=Role.VIEWER)


def remove(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).delete()


def deactivate_user(member: Membership) -> None:
    User.objects.filter(pk=member.user_id).update(is_active=False)


def deactivate_brand(member: Membership) -> None:
    Brand.objects.filter(pk=member.brand_id).update(is_active=False)


@pytest.mark.parametrize("change", [lower_role, remove, deactivate_user, deactivate_brand])
def test_a_member_without_the_role_of_then_gets_no_stored_response(
    change: Callable[[Membership], None], shopper_client: ClientOf
) -> None:
    member = MembershipFactory(role=Role.EDITOR)
    MembershipFactory(brand=member.brand)
    client = shopper_client(member.user)
    assert create_sale(client, member.brand).status_code == 201
    assert create_sale(client, member.brand)["Idempotency-Replayed"] == "true"

    change(member)
    response = create_sale(client, member.brand)

    assert (response.status_code, "Idempotency-Replayed" in response.headers) == (403, False)
    assert "secret" not in response.text
    assert Promotion.objects.count() == 1


def test_a_former_platform_admin_gets_no_stored_response(shopper_client: ClientOf) -> None:
    admin, brand = UserFactory(is_superuser=True), MembershipFactory().brand
    client = shopper_client(admin)
    assert create_sale(client, brand).status_code == 201

    User.objects.filter(pk=admin.pk).update(is_superuser=False)

    assert create_sale(client, brand).status_code == 403


def test_a_new_membership_in_another_brand_changes_nothing(shopper_client: ClientOf) -> None:
    member = MembershipFactory()
    client = shopper_client(member.user)
    create_sale(client, member.brand)

    MembershipFactory(user=member.user)

    assert create_sale(client, member.brand)["Idempotency-Replayed"] == "true"


def test_a_revoked_key_gets_no_stored_response() -> None:
    key = ApiKeyFactory()
    client = Client(headers={"Authorization": f"Api-Key {key.text}"})
    assert create_sale(client, key.brand).status_code == 201

    services.revoke_key(key=key, at=timezone.now())

    assert create_sale(client, key.brand).status_code == 401
