import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.contracts import Role
from accounts.models import ApiKey, Invitation, Membership
from core.models import OutboxMessage
from tests.accounts.test_api import problem
from tests.factories import ApiKeyFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return MembershipFactory()


def path(member, rest):
    return f"/api/v1/brands/{member.brand.slug}/{rest}"


def invitation_of(member):
    return services.invite(
        brand=member.brand, email="new@example.com", role=Role.EDITOR, invited_by=member.user, at=timezone.now()
    )


# --- whose they are --------------------------------------------------------------------------------------------------
def every_call(member):
    """Each call of the staff endpoints about this member's brand, with a body that would be right."""
    invitation, key = invitation_of(member), ApiKeyFactory(brand=member.brand)
    return [
        ("get", path(member, "members/"), None),
        ("patch", path(member, f"members/{member.user.uuid}/"), {"role": "viewer"}),
        ("delete", path(member, f"members/{member.user.uuid}/"), None),
        ("get", path(member, "invitations/"), None),
        ("post", path(member, "invitations/"), {"email": "spy@example.com", "role": "owner"}),
        ("delete", path(member, f"invitations/{invitation.pk}/"), None),
        ("get", path(member, "api-keys/"), None),
        ("post", path(member, "api-keys/"), {"name": "spy"}),
        ("delete", path(member, f"api-keys/{key.pk}/"), None),
    ]


def everything():
    """All that the staff endpoints could change."""
    return [
        list(Membership.objects.order_by("pk").values_list("pk", "role")),
        list(Invitation.objects.order_by("pk").values_list("pk", "email", "role")),
        list(ApiKey.objects.order_by("pk").values_list("pk", "name", "revoked_at")),
    ]


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("nobody", 401, "not_authenticated"), ("shopper", 404, "not_found"), ("other_owner", 404, "not_found"),
        ("other_key", 404, "not_found"), ("internal_key", 404, "not_found"), ("viewer", 403, "permission_denied"),
        ("editor", 403, "permission_denied"), ("own_key", 403, "permission_denied"),
    ],
)  # fmt: skip
def test_only_owners_come_in(owner, shopper_client, who, status, code):
    keys = {"other_key": {}, "internal_key": {"internal": True}, "own_key": {"brand": owner.brand}}
    users = {
        "shopper": ShopperFactory, "other_owner": lambda: MembershipFactory().user,
        "viewer": lambda: MembershipFactory(brand=owner.brand, role=Role.VIEWER).user,
        "editor": lambda: MembershipFactory(brand=owner.brand, role=Role.EDITOR).user,
    }  # fmt: skip
    if who in keys:
        client = APIClient(headers={"Authorization": f"Api-Key {ApiKeyFactory(**keys[who]).text}"})
    else:
        client = shopper_client(users[who]()) if who in users else APIClient()
    calls = every_call(owner)
    before = everything()

    for method, address, body in calls:
        problem(getattr(client, method)(address, body, format="json"), status, code)

    assert everything() == before


def test_an_owner_of_another_brand_does_not_reach_ours_through_theirs(owner, shopper_client):
    other = MembershipFactory()
    client, invitation, key = shopper_client(other.user), invitation_of(owner), ApiKeyFactory(brand=owner.brand)
    before = everything()

    for method, rest, body in [
        ("patch", f"members/{owner.user.uuid}/", {"role": "viewer"}), ("delete", f"members/{owner.user.uuid}/", None),
        ("delete", f"invitations/{invitation.pk}/", None), ("delete", f"api-keys/{key.pk}/", None),
    ]:  # fmt: skip
        problem(getattr(client, method)(path(other, rest), body, format="json"), 404, "not_found")

    assert everything() == before
    for rest in ("members/", "invitations/", "api-keys/"):
        answer = client.get(path(other, rest))
        assert str(owner.user.uuid) not in answer.text
        assert str(invitation.pk) not in answer.text
        assert str(key.pk) not in answer.text


def test_a_platform_admin_comes_in_everywhere(owner, shopper_client):
    client = shopper_client(UserFactory(is_superuser=True))

    assert client.get(path(owner, "members/")).status_code == 200
    problem(client.get("/api/v1/brands/no-such-brand/members/"), 404, "not_found")


# --- members ---------------------------------------------------------------------------------------------------------
def test_the_staff_is_listed_in_pages(owner, shopper_client):
    MembershipFactory.create_batch(2, brand=owner.brand, role=Role.VIEWER)
    client = shopper_client(owner.user)

    first = client.get(path(owner, "members/?limit=2")).json()
    second = client.get(first["next"]).json()

    assert set(first) == {"next", "previous", "results"}
    assert [len(first["results"]), len(second["results"]), second["next"]] == [2, 1, None]
    assert second["results"][0] == {
        "user": str(owner.user.uuid), "username": owner.user.username, "email": owner.user.email, "role": "owner",
        "created_at": second["results"][0]["created_at"],
    }  # fmt: skip


def test_a_role_is_changed_and_a_member_removed(owner, shopper_client):
    viewer = MembershipFactory(brand=owner.brand, role=Role.VIEWER)
    client, address = shopper_client(owner.user), path(owner, f"members/{viewer.user.uuid}/")

    assert client.patch(address, {"role": "editor"}).json()["role"] == "editor"
    assert client.patch(address, {}).json()["role"] == "editor"
    assert client.delete(address).status_code == 204
    problem(client.delete(address), 404, "not_found")
    problem(client.patch(address, {"role": "editor"}), 404, "not_found")


def test_the_last_owner_stays(owner, shopper_client):
    client, address = shopper_client(owner.user), path(owner, f"members/{owner.user.uuid}/")

    problem(client.patch(address, {"role": "viewer"}), 409, "last_owner")
    problem(client.delete(address), 409, "last_owner")
    owner.refresh_from_db()
    assert owner.role == "owner"


def test_there_are_three_roles(owner, shopper_client):
    answer = shopper_client(owner.user).patch(path(owner, f"members/{owner.user.uuid}/"), {"role": "king"})

    assert problem(answer, 400, "invalid")["errors"][0]["field"] == "role"


# --- invitations -----------------------------------------------------------------------------------------------------
def test_inviting_promises_a_mail_and_shows_no_link(owner, shopper_client):
    client = shopper_client(owner.user)

    answer = client.post(path(owner, "invitations/"), {"email": "new@example.com", "role": "editor"})

    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "email", "role", "created_at", "expires_at", "accepted_at"}
    assert OutboxMessage.objects.get().kwargs == {"invitation_id": answer.json()["id"]}
    assert client.get(path(owner, "invitations/")).json()["results"] == [answer.json()]


def test_an_invitation_is_taken_back(owner, shopper_client):
    client, address = shopper_client(owner.user), path(owner, f"invitations/{invitation_of(owner).pk}/")

    assert client.delete(address).status_code == 204
    problem(client.delete(address), 404, "not_found")
    assert not Invitation.objects.exists()


def test_an_invitation_needs_an_address_and_a_role(owner, shopper_client):
    answer = shopper_client(owner.user).post(path(owner, "invitations/"), {"email": "x", "role": "king"})

    assert {fault["field"] for fault in problem(answer, 400, "invalid")["errors"]} == {"email", "role"}
    assert not Invitation.objects.exists()


# --- keys ------------------------------------------------------------------------------------------------------------
def test_a_key_is_shown_once_and_works_until_it_is_revoked(owner, shopper_client):
    client = shopper_client(owner.user)

    made = client.post(path(owner, "api-keys/"), {"name": "shop"})

    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    key = made.json()
    assert set(key) == {"id", "name", "prefix", "key", "created_at"}
    listed = client.get(path(owner, "api-keys/"))
    assert key["key"] not in listed.text
    assert listed.json()["results"][0] == {
        "id": key["id"], "name": "shop", "prefix": key["prefix"], "created_at": key["created_at"], "last_used_at": None,
        "revoked_at": None,
    }  # fmt: skip
    server = APIClient(headers={"Authorization": f"Api-Key {key['key']}"})
    problem(server.get(path(owner, "api-keys/")), 403, "permission_denied")
    for _ in range(2):
        assert client.delete(path(owner, f"api-keys/{key['id']}/")).status_code == 204
    problem(server.get(path(owner, "api-keys/")), 401, "token_invalid")
