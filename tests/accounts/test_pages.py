import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.contracts import Role
from accounts.models import Membership, User
from accounts.services.staff import invitation_token
from tests.factories import PASSWORD, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation():
    owner = MembershipFactory()
    return services.invite(
        brand=owner.brand, email="new@example.com", role=Role.EDITOR, invited_by=owner.user, at=timezone.now()
    )


@pytest.fixture
def page(invitation):
    return f"/accounts/invitations/{invitation_token(invitation)}/"


def role(invitation, username):
    return (
        Membership.objects.filter(brand=invitation.brand, user__username=username)
        .values_list("role", flat=True)
        .first()
    )


def test_the_page_shows_the_brand_and_the_role(client, page, invitation):
    response = client.get(page)

    assert response.status_code == 200
    assert invitation.brand.name in response.text
    assert "editor" in response.text
    assert "no-store" in response.headers["Cache-Control"]
    assert "style=" not in response.text
    assert "<script" not in response.text


def test_a_new_user_creates_an_account_and_joins(client, page, invitation):
    response = client.post(page, {"as": "new", "new-username": "ann", "new-password": "correct-horse-7"})

    assert (response.status_code, response.url) == (302, "/admin/")
    assert role(invitation, "ann") == "editor"
    user = User.objects.get(username="ann")
    assert (user.email, user.customer.customer_id) == ("new@example.com", f"u-{user.uuid}")
    assert user.email_verified
    assert client.get("/admin/").status_code == 200


def test_an_existing_user_signs_in_and_joins(client, page, invitation):
    user = ShopperFactory(email=invitation.email)

    response = client.post(page, {"as": "known", "known-account": user.email, "known-password": PASSWORD})

    assert (response.status_code, role(invitation, user.username)) == (302, "editor")
    assert client.get("/admin/").status_code == 200


def test_a_signed_in_user_joins_with_one_button(client, page, invitation):
    user = UserFactory(email=invitation.email)
    client.force_login(user)
    assert f"Join as {user.username}" in client.get(page).text

    assert client.post(page, {"as": "me"}).status_code == 302

    assert role(invitation, user.username) == "editor"


@pytest.mark.parametrize(
    ("email", "verified_at", "code"),
    [("other@example.com", timezone.now(), "another email address"), ("new@example.com", None, "verified")],
)
def test_another_address_or_one_that_is_not_verified_cannot_join(client, page, invitation, email, verified_at, code):
    user = ShopperFactory(email=email, email_verified_at=verified_at)
    client.force_login(user)

    responses = [
        client.post(page, {"as": "me"}),
        client.post(page, {"as": "known", "known-account": user.username, "known-password": PASSWORD}),
    ]

    assert [response.status_code for response in responses] == [403, 403]
    assert all(code in response.text for response in responses)
    assert role(invitation, user.username) is None


def test_joining_needs_the_csrf_token(page, invitation):
    user, client = UserFactory(), Client(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.post(page, {"as": "me"}).status_code == 403
    assert role(invitation, user.username) is None


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"as": "known", "known-account": "nobody", "known-password": "x"}, 401, "Incorrect account or password."),
        ({"as": "known"}, 400, "This field is required"),
        ({"as": "new", "new-username": "a@b", "new-password": "correct-horse-7"}, 400, "username"),
        ({"as": "new", "new-username": "ann", "new-password": "short"}, 400, "password"),
        (
            {"as": "new", "new-username": "taken", "new-password": "correct-horse-7"},
            409,
            "already exists.",
        ),
        ({"as": "me"}, 404, "This invitation is no longer valid"),
        ({}, 404, "This invitation is no longer valid"),
    ],
)
def test_an_error_is_shown_on_the_page_and_the_link_stays_valid(page, invitation, body, status, text):
    UserFactory(username="taken")

    response = Client().post(page, body)

    assert response.status_code == status
    assert text in response.text
    assert Membership.objects.filter(brand=invitation.brand).count() == 1
    invitation.refresh_from_db()
    assert invitation.accepted_at is None


def test_the_page_throttles_sign_in_attempts(client, page):
    for _ in range(10):
        client.post(page, {"as": "known", "known-account": "ann", "known-password": "x"})

    assert client.post(page, {"as": "known", "known-account": "ann", "known-password": "x"}).status_code == 429


def test_used_and_forged_links_are_no_longer_valid(client, page, invitation):
    services.accept_invitation(invitation=invitation, user=UserFactory(email=invitation.email), at=timezone.now())

    for address in (page, "/accounts/invitations/forged/"):
        for response in (client.get(address), client.post(address, {"as": "me"})):
            assert (response.status_code, "This invitation is no longer valid" in response.text) == (404, True)
