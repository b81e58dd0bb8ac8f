from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Customer, User
from tests.factories import PASSWORD, ApiKeyFactory, BrandFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, VERIFY = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/auth/token/verify/"
REGISTER, ME = "/api/v1/auth/register/", "/api/v1/me/"


def problem(response, status, code):
    """Check that a response is this problem document, and return the document."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    document = response.json()
    assert {"type", "title", "status", "code", "detail"} <= set(document)
    assert (document["status"], document["code"]) == (status, code)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    return document


# --- auth/token ------------------------------------------------------------------------------------------------------
def test_valid_credentials_return_tokens(api):
    user = ShopperFactory()

    response = api.post(TOKEN, {"account": user.email, "password": PASSWORD})

    assert response.status_code == 200
    assert set(response.json()) == {"access", "refresh", "expires_at"}
    assert response.json()["expires_at"].endswith("Z")
    assert response.headers["Cache-Control"] == "no-store"
    me = api.get(ME, headers={"Authorization": f"Bearer {response.json()['access']}"})
    assert me.json()["id"] == str(user.uuid)


def test_every_failed_sign_in_returns_the_same_bytes(api):
    known, deactivated = ShopperFactory(), ShopperFactory(is_active=False)
    attempts = [(known.username, "wrong"), ("nobody", PASSWORD), (deactivated.username, PASSWORD)]

    responses = [api.post(TOKEN, {"account": account, "password": password}) for account, password in attempts]

    problem(responses[0], 401, "invalid_credentials")
    assert len({response.content for response in responses}) == 1


def test_too_many_attempts_are_throttled(api):
    for _ in range(10):
        api.post(TOKEN, {"account": "ann", "password": "wrong"})

    response = api.post(TOKEN, {"account": "ann", "password": "wrong"})

    problem(response, 429, "throttled")
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_other_credentials_do_not_raise_the_rate_limit(api, shopper_client):
    client = shopper_client(ShopperFactory())
    for n in range(60):
        client.post(TOKEN, {"account": f"nobody{n}", "password": "wrong"})

    problem(api.post(TOKEN, {"account": "another", "password": "wrong"}), 429, "throttled")


def test_sign_in_and_registration_ignore_the_authorization_header(api, shopper_client):
    user, stale = ShopperFactory(), {"Authorization": "Bearer stale"}
    assert api.post(TOKEN, {"account": user.username, "password": PASSWORD}, headers=stale).status_code == 200
    for _ in range(20):
        api.post(REGISTER, {}, headers=stale)

    problem(shopper_client(user).post(REGISTER, {}), 429, "throttled")


def test_sign_in_is_unavailable_without_redis(api, redis_unavailable):
    response = api.post(TOKEN, {"account": ShopperFactory().username, "password": PASSWORD})

    problem(response, 503, "unavailable")
    assert "Retry-After" in response.headers


@pytest.mark.parametrize(
    "body", [{}, {"account": "ann"}, {"account": "", "password": ""}, {"account": ["x"], "password": {}}, [], "x"]
)
def test_a_malformed_sign_in_lists_its_fields(api, body):
    assert problem(api.post(TOKEN, body, format="json"), 400, "invalid")["errors"]


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_text_that_the_database_cannot_store_is_invalid(api, text):
    body = f'{{"account": "{text}", "password": "{text}"}}'

    problem(api.generic("POST", TOKEN, body, content_type="application/json"), 400, "invalid")


# --- refresh, verify -------------------------------------------------------------------------------------------------
def test_a_refresh_returns_a_new_access_token(api):
    tokens = api.post(TOKEN, {"account": ShopperFactory().username, "password": PASSWORD}).json()

    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=False):
        problem(api.get(ME, headers={"Authorization": f"Bearer {tokens['access']}"}), 401, "token_expired")
        again = api.post(REFRESH, {"refresh": tokens["refresh"]})
        assert again.status_code == 200
        assert api.get(ME, headers={"Authorization": f"Bearer {again.json()['access']}"}).status_code == 200


def test_expired_and_invalid_refresh_tokens_are_rejected(api):
    tokens = api.post(TOKEN, {"account": ShopperFactory().username, "password": PASSWORD}).json()

    problem(api.post(REFRESH, {"refresh": "nonsense"}), 401, "token_invalid")
    problem(api.post(REFRESH, {"refresh": tokens["access"]}), 401, "token_invalid")
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=False):
        problem(api.post(REFRESH, {"refresh": tokens["refresh"]}), 401, "token_expired")


def test_verifying_a_token_returns_its_user(api):
    member = MembershipFactory(user=ShopperFactory(), role="viewer")
    tokens = api.post(TOKEN, {"account": member.user.username, "password": PASSWORD}).json()

    response = api.post(VERIFY, {"token": tokens["access"]}).json()

    assert response == {
        "valid": True,
        "expires_at": tokens["expires_at"],
        "user": {
            "id": str(member.user.uuid), "username": member.user.username, "email": member.user.email,
            "customer_id": member.user.customer.customer_id,
            "brands": [{"id": str(member.brand.pk), "slug": member.brand.slug, "role": "viewer"}],
        },
    }  # fmt: skip


def test_invalid_and_expired_tokens_are_not_valid(api):
    user = ShopperFactory()
    tokens = api.post(TOKEN, {"account": user.username, "password": PASSWORD}).json()
    invalid = {"valid": False, "expires_at": None, "user": None}

    assert api.post(VERIFY, {"token": "nonsense"}).json() == invalid
    assert api.post(VERIFY, {"token": tokens["refresh"]}).json() == invalid
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert api.post(VERIFY, {"token": tokens["access"]}).json() == invalid
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert api.post(VERIFY, {"token": tokens["access"]}).json() == invalid


# --- register, me ----------------------------------------------------------------------------------------------------
def registration(**changes):
    fields = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7"}
    return fields | changes


def test_registering_creates_a_shopper(api, shopper_client):
    response = api.post(REGISTER, registration(phone="+34 600 000 000"))

    user = User.objects.get()
    expected = {
        "id": str(user.uuid), "username": "ann", "email": "ann@example.com", "phone": "+34600000000",
        "customer_id": f"u-{user.uuid}", "brands": [], "consents": [], "is_superuser": False,
        "language": "", "email_verified": False,
    }  # fmt: skip
    assert (response.status_code, set(response.json())) == (202, {"detail"})
    assert shopper_client(user).get(ME).json() == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "a@b"),
        ("email", ""),
        ("phone", "600"),
        ("password", "short"),
        ("consents", None),
        ("marketing_consent", True),
        ("username", 1),
        ("email", 1),
    ],
)
def test_an_invalid_field_is_named(api, field, value):
    response = api.post(REGISTER, registration(**{field: value}))

    assert {error["field"] for error in problem(response, 400, "invalid")["errors"]} == {field}
    assert not User.objects.exists()


def test_registration_is_limited_to_twenty_times_an_hour(api):
    for n in range(20):
        assert api.post(REGISTER, registration(username=f"ann{n}", email="no address")).status_code == 400

    problem(api.post(REGISTER, registration()), 429, "throttled")
    assert not User.objects.exists()


def test_an_api_key_has_no_account(api):
    problem(api.get(ME, headers={"Authorization": f"Api-Key {ApiKeyFactory().text}"}), 403, "permission_denied")


def test_the_token_of_a_deleted_user_is_invalid(shopper_client):
    user = ShopperFactory()
    client = shopper_client(user)
    Customer.objects.filter(user=user).delete()
    user.delete()

    problem(client.get(ME), 401, "token_invalid")


def test_staff_see_their_active_brands(shopper_client):
    member = MembershipFactory()
    MembershipFactory(user=member.user, brand=BrandFactory(is_active=False))

    response = shopper_client(member.user).get(ME).json()

    assert response["brands"] == [{"id": str(member.brand.pk), "slug": member.brand.slug, "role": "owner"}]
    assert response["customer_id"] is None
