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


def test_the_page_says_what_one_is_invited_to(client, page, invitation):
    answer = client.get(page)

    assert answer.status_code == 200
    assert invitation.brand.name in answer.text
    assert "editor" in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert "style=" not in answer.text
    assert "<script" not in answer.text


def test_someone_new_makes_an_account_and_is_in(client, page, invitation):
    answer = client.post(page, {"as": "new", "new-username": "ann", "new-password": "correct-horse-7"})

    assert (answer.status_code, answer.url) == (302, "/admin/")
    assert role(invitation, "ann") == "editor"
    user = User.objects.get(username="ann")
    assert (user.email, user.customer.customer_id) == ("new@example.com", f"u-{user.uuid}")
    assert client.get("/admin/").status_code == 200


def test_someone_known_signs_in_and_is_in(client, page, invitation):
    user = ShopperFactory()

    answer = client.post(page, {"as": "known", "known-account": user.email, "known-password": PASSWORD})

    assert (answer.status_code, role(invitation, user.username)) == (302, "editor")
    assert client.get("/admin/").status_code == 200


def test_who_is_signed_in_joins_with_one_button(client, page, invitation):
    user = UserFactory()
    client.force_login(user)
    assert f"Join as {user.username}" in client.get(page).text

    assert client.post(page, {"as": "me"}).status_code == 302

    assert role(invitation, user.username) == "editor"


def test_the_button_needs_the_pages_own_token(page, invitation):
    user, client = UserFactory(), Client(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.post(page, {"as": "me"}).status_code == 403
    assert role(invitation, user.username) is None


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"as": "known", "known-account": "nobody", "known-password": "x"}, 401, "is not right"),
        ({"as": "known"}, 400, "This field is required"),
        ({"as": "new", "new-username": "a@b", "new-password": "correct-horse-7"}, 400, "username"),
        ({"as": "new", "new-username": "ann", "new-password": "short"}, 400, "password"),
        ({"as": "new", "new-username": "taken", "new-password": "correct-horse-7"}, 409, "already an account"),
        ({"as": "me"}, 404, "no longer good"),
        ({}, 404, "no longer good"),
    ],
)
def test_a_refusal_is_told_on_the_page_and_the_link_stays_good(page, invitation, asked, status, said):
    UserFactory(username="taken")

    answer = Client().post(page, asked)

    assert answer.status_code == status
    assert said in answer.text
    assert Membership.objects.filter(brand=invitation.brand).count() == 1
    invitation.refresh_from_db()
    assert invitation.accepted_at is None


def test_too_many_tries_are_told_on_the_page(client, page):
    for _ in range(10):
        client.post(page, {"as": "known", "known-account": "ann", "known-password": "x"})

    assert client.post(page, {"as": "known", "known-account": "ann", "known-password": "x"}).status_code == 429


def test_a_used_or_forged_link_is_no_longer_good(client, page, invitation):
    services.accept_invitation(invitation=invitation, user=UserFactory(), at=timezone.now())

    for address in (page, "/accounts/invitations/forged/"):
        for answer in (client.get(address), client.post(address, {"as": "me"})):
            assert (answer.status_code, "no longer good" in answer.text) == (404, True)
