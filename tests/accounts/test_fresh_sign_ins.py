"""What needs a sign-in of the last minutes or a verified address, and what owners require of their staff by the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.contracts import Method, Role
from accounts.models import ApiKey, Brand, Invitation, Membership, User
from tests.accounts.test_staff_api import path
from tests.factories import ApiKeyFactory, BrandFactory, MembershipFactory, UserFactory
from tests.second_factors import add_app

pytestmark = pytest.mark.django_db
ADMIN = "/admin/promotions/promotion/"


@pytest.fixture
def owner() -> Membership:
    """The owner of a brand."""
    return MembershipFactory()


def bearer(user: User, *, seconds: int = 0, methods: tuple[Method, ...] = (Method.PASSWORD,)) -> APIClient:
    """Return a client whose token is of a sign-in some seconds ago, refreshed since."""
    begun = timezone.now() - timedelta(seconds=seconds)
    tokens = services.tokens_for(user=user, at=begun, methods=methods)
    if seconds:
        tokens = services.refresh(token=tokens.refresh, at=timezone.now())
    return APIClient(headers={"Authorization": f"Bearer {tokens.access}"})


def sensitive_calls(owner: Membership) -> list[tuple[str, str, dict[str, Any] | None]]:
    viewer = MembershipFactory(brand=owner.brand, role=Role.VIEWER)
    key = ApiKeyFactory(brand=owner.brand)
    return [
        ("post", path(owner, "api-keys/"), {"name": "new"}),
        ("post", path(owner, f"api-keys/{key.pk}/roll/"), {}),
        ("post", path(owner, "invitations/"), {"email": "new@example.com", "role": "owner"}),
        ("patch", path(owner, f"members/{viewer.user.uuid}/"), {"role": "owner"}),
        ("patch", path(owner, ""), {"require_second_factor": False}),
        ("patch", path(owner, ""), {"sso": "off"}),
        ("delete", path(owner, f"members/{viewer.user.uuid}/"), None),
    ]


def test_calls_that_make_keys_or_change_roles_need_a_fresh_sign_in(owner: Membership) -> None:
    calls = sensitive_calls(owner)
    before = (ApiKey.objects.count(), Invitation.objects.count(), Membership.objects.filter(role=Role.OWNER).count())
    stale = bearer(owner.user, seconds=301)

    refused = [getattr(stale, method)(address, body, format="json") for method, address, body in calls]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "sign_in_not_fresh")] * 7
    after = (ApiKey.objects.count(), Invitation.objects.count(), Membership.objects.filter(role=Role.OWNER).count())
    assert after == before
    fresh = bearer(owner.user, seconds=200)
    accepted = [getattr(fresh, method)(address, body, format="json").status_code for method, address, body in calls]
    assert accepted == [201, 201, 201, 200, 200, 200, 204]


def test_other_calls_do_not(owner: Membership) -> None:
    stale, key = bearer(owner.user, seconds=1000), ApiKeyFactory(brand=owner.brand)

    answers = [
        stale.get(path(owner, "members/")),
        stale.patch(path(owner, ""), {"language": "de"}, format="json"),
        stale.delete(path(owner, f"api-keys/{key.pk}/")),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 204]


def test_strangers_are_not_told_of_it(owner: Membership) -> None:
    stale = bearer(MembershipFactory().user, seconds=1000)

    for method, address, body in sensitive_calls(owner):
        assert getattr(stale, method)(address, body, format="json").status_code == 404


def test_a_session_is_fresh_for_a_while_as_well(owner: Membership, settings: Any) -> None:
    client = Client()
    client.force_login(owner.user)
    address = path(owner, "api-keys/")

    fresh = client.post(address, {"name": "new"}, content_type="application/json")
    settings.FRESH_SIGN_IN_SECONDS = 0
    stale = client.post(address, {"name": "new"}, content_type="application/json")

    assert (fresh.status_code, stale.status_code, stale.json()["code"]) == (201, 403, "sign_in_not_fresh")


# --- what an owner requires -------------------------------------------------------------------------------------------
def test_an_owner_requires_a_second_factor_by_the_api(owner: Membership) -> None:
    address, body = path(owner, ""), {"require_second_factor": True}

    refused = bearer(owner.user).patch(address, body, format="json")
    accepted = bearer(owner.user, methods=(Method.PASSWORD, Method.CODE)).patch(address, body, format="json")
    held = bearer(owner.user).get(address)

    assert refused.json()["errors"] == [
        {
            "field": "require_second_factor", "code": "invalid",
            "detail": "Set up your own second factor first, and sign in with it.",
        }
    ]  # fmt: skip
    assert (accepted.status_code, accepted.json()["require_second_factor"]) == (200, True)
    assert held.json()["code"] == "second_factor_missing"


@pytest.mark.parametrize("value", ["true", 1, None, "yes"])
def test_the_requirement_is_a_boolean(owner: Membership, value: Any) -> None:
    client = bearer(owner.user, methods=(Method.PASSWORD, Method.CODE))

    answer = client.patch(path(owner, ""), {"require_second_factor": value}, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "require_second_factor")
    assert not Brand.objects.get(pk=owner.brand.pk).require_second_factor


# --- verified addresses -----------------------------------------------------------------------------------------------
def unverify(user: User) -> None:
    User.objects.filter(pk=user.pk).update(email_verified_at=None)


def test_who_needs_a_second_factor_needs_a_verified_address(owner: Membership) -> None:
    Brand.objects.update(require_second_factor=True)
    unverify(owner.user)
    methods = (Method.PASSWORD, Method.CODE)

    held = bearer(owner.user, methods=methods).get(path(owner, "members/"))
    own = bearer(owner.user, methods=methods).get("/api/v1/me/").json()
    User.objects.update(email_verified_at=timezone.now())

    assert (held.status_code, held.json()["code"]) == (403, "email_not_verified")
    assert own["brands"] == []
    assert bearer(owner.user, methods=methods).get(path(owner, "members/")).status_code == 200


def test_a_factor_that_nobody_requires_needs_none(owner: Membership) -> None:
    unverify(owner.user)
    add_app(owner.user)

    answer = bearer(owner.user, methods=(Method.PASSWORD, Method.CODE)).get(path(owner, "members/"))

    assert answer.status_code == 200


def test_a_platform_admin_needs_a_verified_address_outside_debug(settings: Any) -> None:
    admin, brand = UserFactory(is_superuser=True), BrandFactory()
    unverify(admin)
    client = bearer(admin, methods=(Method.PASSWORD, Method.CODE))

    held = client.get(f"/api/v1/brands/{brand.slug}/members/")
    settings.SECOND_FACTOR_FOR_ADMINS = False

    assert (held.status_code, held.json()["code"]) == (403, "email_not_verified")
    assert client.get(f"/api/v1/brands/{brand.slug}/members/").status_code == 200


def test_the_admin_says_how_to_verify_the_address() -> None:
    admin = UserFactory(is_superuser=True)
    unverify(admin)
    client = Client()
    client.force_login(admin)

    page: Any = client.get(ADMIN, follow=True)
    User.objects.update(email="")
    without = client.get("/accounts/second-factor/")

    assert page.redirect_chain[-1][0].startswith("/accounts/second-factor/?next=")
    assert "Reset your password to verify it" in page.text
    assert "Ask a platform admin to enter it." in without.text


def test_the_address_of_a_new_platform_admin_counts_as_verified() -> None:
    assert User.objects.create_superuser("root", "root@example.com", "x").email_verified
    assert not User.objects.create_superuser("other", "", "x").email_verified
