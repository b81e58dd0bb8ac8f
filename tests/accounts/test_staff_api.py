import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.contracts import Role
from accounts.models import ApiKey, Invitation, Membership
from core.errors import Throttled
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


# --- permissions ----------------------------------------------------------------------------------------------------
def every_call(member):
    """Return every call of the staff endpoints for this member's brand, with a valid body."""
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
        ("post", path(member, f"api-keys/{key.pk}/roll/"), {}),
    ]


def staff_rows():
    """Return all rows that the staff endpoints can change."""
    return [
        list(Membership.objects.order_by("pk").values_list("pk", "role")),
        list(Invitation.objects.order_by("pk").values_list("pk", "email", "role")),
        list(ApiKey.objects.order_by("pk").values_list("pk", "name", "revoked_at")),
    ]


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [
        ("nobody", 401, "not_authenticated"), ("shopper", 404, "not_found"), ("other_owner", 404, "not_found"),
        ("other_key", 403, "permission_denied"), ("internal_key", 403, "permission_denied"),
        ("viewer", 403, "permission_denied"),
        ("editor", 403, "permission_denied"), ("own_key", 403, "permission_denied"),
    ],
)  # fmt: skip
def test_only_owners_can_manage_staff(owner, shopper_client, role, status, code):
    keys = {"other_key": {}, "internal_key": {"internal": True}, "own_key": {"brand": owner.brand}}
    users = {
        "shopper": ShopperFactory, "other_owner": lambda: MembershipFactory().user,
        "viewer": lambda: MembershipFactory(brand=owner.brand, role=Role.VIEWER).user,
        "editor": lambda: MembershipFactory(brand=owner.brand, role=Role.EDITOR).user,
    }  # fmt: skip
    if role in keys:
        client = APIClient(headers={"Authorization": f"Api-Key {ApiKeyFactory(**keys[role]).text}"})
    else:
        client = shopper_client(users[role]()) if role in users else APIClient()
    calls = every_call(owner)
    before = staff_rows()

    for method, address, body in calls:
        problem(getattr(client, method)(address, body, format="json"), status, code)

    assert staff_rows() == before


def test_an_owner_cannot_reach_objects_of_another_brand_by_id(owner, shopper_client):
    other = MembershipFactory()
    client, invitation, key = shopper_client(other.user), invitation_of(owner), ApiKeyFactory(brand=owner.brand)
    before = staff_rows()

    for method, rest, body in [
        ("patch", f"members/{owner.user.uuid}/", {"role": "viewer"}), ("delete", f"members/{owner.user.uuid}/", None),
        ("delete", f"invitations/{invitation.pk}/", None), ("delete", f"api-keys/{key.pk}/", None),
    ]:  # fmt: skip
        problem(getattr(client, method)(path(other, rest), body, format="json"), 404, "not_found")

    assert staff_rows() == before
    for rest in ("members/", "invitations/", "api-keys/"):
        response = client.get(path(other, rest))
        assert str(owner.user.uuid) not in response.text
        assert str(invitation.pk) not in response.text
        assert str(key.pk) not in response.text


def test_a_platform_admin_can_manage_every_brand(owner, shopper_client):
    client = shopper_client(UserFactory(is_superuser=True))

    assert client.get(path(owner, "members/")).status_code == 200
    problem(client.get("/api/v1/brands/no-such-brand/members/"), 404, "not_found")


# --- members ---------------------------------------------------------------------------------------------------------
def test_staff_are_listed_in_pages(owner, shopper_client):
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


def test_an_owner_changes_a_role_and_removes_a_member(owner, shopper_client):
    viewer = MembershipFactory(brand=owner.brand, role=Role.VIEWER)
    client, address = shopper_client(owner.user), path(owner, f"members/{viewer.user.uuid}/")

    assert client.patch(address, {"role": "editor"}).json()["role"] == "editor"
    assert client.patch(address, {}).json()["role"] == "editor"
    assert client.delete(address).status_code == 204
    problem(client.delete(address), 404, "not_found")
    problem(client.patch(address, {"role": "editor"}), 404, "not_found")


def test_the_last_owner_can_neither_change_role_nor_leave(owner, shopper_client):
    client, address = shopper_client(owner.user), path(owner, f"members/{owner.user.uuid}/")

    problem(client.patch(address, {"role": "viewer"}), 409, "last_owner")
    problem(client.delete(address), 409, "last_owner")
    owner.refresh_from_db()
    assert owner.role == "owner"


def test_an_unknown_role_is_rejected(owner, shopper_client):
    response = shopper_client(owner.user).patch(path(owner, f"members/{owner.user.uuid}/"), {"role": "king"})

    assert problem(response, 400, "invalid")["errors"][0]["field"] == "role"


# --- invitations -----------------------------------------------------------------------------------------------------
def test_inviting_enqueues_an_email_and_returns_no_link(owner, shopper_client):
    client = shopper_client(owner.user)

    response = client.post(path(owner, "invitations/"), {"email": "new@example.com", "role": "editor"})

    assert response.status_code == 201
    assert set(response.json()) == {"id", "email", "role", "created_at", "expires_at", "accepted_at"}
    assert OutboxMessage.objects.get().kwargs == {"invitation_id": response.json()["id"]}
    assert client.get(path(owner, "invitations/")).json()["results"] == [response.json()]


def test_an_invitation_can_be_canceled_once(owner, shopper_client):
    client, address = shopper_client(owner.user), path(owner, f"invitations/{invitation_of(owner).pk}/")

    assert client.delete(address).status_code == 204
    problem(client.delete(address), 404, "not_found")
    assert not Invitation.objects.exists()


def test_an_invitation_needs_a_valid_address_and_role(owner, shopper_client):
    response = shopper_client(owner.user).post(path(owner, "invitations/"), {"email": "x", "role": "king"})

    assert {error["field"] for error in problem(response, 400, "invalid")["errors"]} == {"email", "role"}
    assert not Invitation.objects.exists()


# --- limits of invitations ------------------------------------------------------------------------------------------
def invite(client, member, email):
    return client.post(path(member, "invitations/"), {"email": email, "role": "viewer"}, format="json")


def test_an_address_is_invited_at_most_five_times_an_hour_by_all_brands(owner, shopper_client):
    owners = [owner, MembershipFactory()]
    clients = [shopper_client(member.user) for member in owners]

    codes = [invite(clients[n % 2], owners[n % 2], "New@example.com").status_code for n in range(6)]

    assert codes == [201] * 5 + [429]
    assert OutboxMessage.objects.filter(task="accounts.send_invitation").count() == 5
    with pytest.raises(Throttled):
        services.resend_invitation(invitation=Invitation.objects.all()[0], at=timezone.now())


def test_a_brand_sends_a_limited_number_of_invitations(owner, shopper_client, settings):
    settings.THROTTLES = settings.THROTTLES | {"invitation": "3/hour closed"}
    client, other = shopper_client(owner.user), MembershipFactory()

    codes = [invite(client, owner, f"new{n}@example.com").status_code for n in range(4)]

    assert codes == [201] * 3 + [429]
    assert Invitation.objects.count() == 3
    assert invite(shopper_client(other.user), other, "new4@example.com").status_code == 201
