from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Customer, User
from tests.factories import PASSWORD, ApiKeyFactory, BrandFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, VERIFY = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/auth/token/verify/"
REGISTER, ME = "/api/v1/auth/register/", "/api/v1/me/"


def problem(answer, status, code):
    """The answer is this refusal, in the house's shape."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    document = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(document)
    assert (document["status"], document["code"]) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    return document


# --- auth/token ------------------------------------------------------------------------------------------------------
def test_a_good_sign_in_gives_tokens(api):
    user = ShopperFactory()

    answer = api.post(TOKEN, {"account": user.email, "password": PASSWORD})

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "expires_at"}
    assert answer.json()["expires_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-store"
    me = api.get(ME, headers={"Authorization": f"Bearer {answer.json()['access']}"})
    assert me.json()["id"] == str(user.uuid)


def test_wrong_password_unknown_account_and_shut_out_user_are_answered_byte_for_byte_alike(api):
    known, shut_out = ShopperFactory(), ShopperFactory(is_active=False)
    tries = [(known.username, "wrong"), ("nobody", PASSWORD), (shut_out.username, PASSWORD)]

    answers = [api.post(TOKEN, {"account": account, "password": password}) for account, password in tries]

    problem(answers[0], 401, "invalid_credentials")
    assert len({answer.content for answer in answers}) == 1


def test_too_many_tries_are_throttled(api):
    for _ in range(10):
        api.post(TOKEN, {"account": "ann", "password": "wrong"})

    answer = api.post(TOKEN, {"account": "ann", "password": "wrong"})

    problem(answer, 429, "throttled")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_credentials_of_someone_else_do_not_widen_the_limit(api, shopper_client):
    client = shopper_client(ShopperFactory())
    for n in range(60):
        client.post(TOKEN, {"account": f"nobody{n}", "password": "wrong"})

    problem(api.post(TOKEN, {"account": "another", "password": "wrong"}), 429, "throttled")


def test_signing_in_and_registering_look_at_no_other_credentials(api, shopper_client):
    user, stale = ShopperFactory(), {"Authorization": "Bearer stale"}
    assert api.post(TOKEN, {"account": user.username, "password": PASSWORD}, headers=stale).status_code == 200
    for _ in range(20):
        api.post(REGISTER, {}, headers=stale)

    problem(shopper_client(user).post(REGISTER, {}), 429, "throttled")


def test_no_sign_in_while_redis_is_away(api, redis_away):
    answer = api.post(TOKEN, {"account": ShopperFactory().username, "password": PASSWORD})

    problem(answer, 503, "unavailable")
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    "body", [{}, {"account": "ann"}, {"account": "", "password": ""}, {"account": ["x"], "password": {}}, [], "x"]
)
def test_a_malformed_sign_in_names_its_fields(api, body):
    assert problem(api.post(TOKEN, body, format="json"), 400, "invalid")["errors"]


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_text_that_the_database_cannot_hold_is_invalid(api, text):
    body = f'{{"account": "{text}", "password": "{text}"}}'

    problem(api.generic("POST", TOKEN, body, content_type="application/json"), 400, "invalid")


# --- refresh, verify -------------------------------------------------------------------------------------------------
def test_a_refresh_gives_a_new_access_token(api):
    tokens = api.post(TOKEN, {"account": ShopperFactory().username, "password": PASSWORD}).json()

    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=False):
        problem(api.get(ME, headers={"Authorization": f"Bearer {tokens['access']}"}), 401, "token_expired")
        again = api.post(REFRESH, {"refresh": tokens["refresh"]})
        assert again.status_code == 200
        assert api.get(ME, headers={"Authorization": f"Bearer {again.json()['access']}"}).status_code == 200


def test_a_refresh_token_can_be_too_old_or_nonsense(api):
    tokens = api.post(TOKEN, {"account": ShopperFactory().username, "password": PASSWORD}).json()

    problem(api.post(REFRESH, {"refresh": "nonsense"}), 401, "token_invalid")
    problem(api.post(REFRESH, {"refresh": tokens["access"]}), 401, "token_invalid")
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=False):
        problem(api.post(REFRESH, {"refresh": tokens["refresh"]}), 401, "token_expired")


def test_verifying_tells_whose_token_it_is(api):
    member = MembershipFactory(user=ShopperFactory(), role="viewer")
    tokens = api.post(TOKEN, {"account": member.user.username, "password": PASSWORD}).json()

    answer = api.post(VERIFY, {"token": tokens["access"]}).json()

    assert answer == {
        "valid": True,
        "expires_at": tokens["expires_at"],
        "user": {
            "id": str(member.user.uuid), "username": member.user.username, "email": member.user.email,
            "customer_id": member.user.customer.customer_id,
            "brands": [{"id": str(member.brand.pk), "slug": member.brand.slug, "role": "viewer"}],
        },
    }  # fmt: skip


def test_a_token_that_is_not_good_is_not_valid(api):
    user = ShopperFactory()
    tokens = api.post(TOKEN, {"account": user.username, "password": PASSWORD}).json()
    nobody = {"valid": False, "expires_at": None, "user": None}

    assert api.post(VERIFY, {"token": "nonsense"}).json() == nobody
    assert api.post(VERIFY, {"token": tokens["refresh"]}).json() == nobody
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert api.post(VERIFY, {"token": tokens["access"]}).json() == nobody
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert api.post(VERIFY, {"token": tokens["access"]}).json() == nobody


# --- register, me ----------------------------------------------------------------------------------------------------
def a_registration(**changes):
    fields = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7", "marketing_consent": True}
    return fields | changes


def test_registering_makes_a_shopper(api, shopper_client):
    answer = api.post(REGISTER, a_registration(phone="+34 600 000 000"))

    user = User.objects.get()
    expected = {
        "id": str(user.uuid), "username": "ann", "email": "ann@example.com", "phone": "+34600000000",
        "customer_id": f"u-{user.uuid}", "brands": [], "marketing_consent": True, "is_superuser": False,
    }  # fmt: skip
    assert (answer.status_code, answer.json()) == (201, expected)
    assert shopper_client(user).get(ME).json() == expected


@pytest.mark.parametrize("taken", [{"username": "Ann"}, {"email": "ANN@EXAMPLE.com"}, {"phone": "+34600000000"}])
def test_a_taken_name_is_a_conflict_that_does_not_tell_which(api, taken):
    UserFactory(username="ann", email="ann@example.com", phone="+34600000000")

    answer = api.post(REGISTER, a_registration(username="bob", email="bob@example.com") | taken)

    document = problem(answer, 409, "account_taken")
    assert "errors" not in document
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "a@b"),
        ("email", ""),
        ("phone", "600"),
        ("password", "short"),
        ("marketing_consent", None),
        ("username", 1),
        ("email", 1),
    ],
)
def test_a_wrong_field_is_named(api, field, value):
    answer = api.post(REGISTER, a_registration(**{field: value}))

    assert {fault["field"] for fault in problem(answer, 400, "invalid")["errors"]} == {field}
    assert not User.objects.exists()


def test_registering_twenty_times_an_hour_is_enough(api):
    for n in range(20):
        assert api.post(REGISTER, a_registration(username=f"ann{n}", email="no address")).status_code == 400

    problem(api.post(REGISTER, a_registration()), 429, "throttled")
    assert not User.objects.exists()


def test_a_key_has_no_account_of_its_own(api):
    problem(api.get(ME, headers={"Authorization": f"Api-Key {ApiKeyFactory().text}"}), 403, "permission_denied")


def test_a_user_who_is_gone_is_not_shown(shopper_client):
    user = ShopperFactory()
    client = shopper_client(user)
    Customer.objects.filter(user=user).delete()
    user.delete()

    problem(client.get(ME), 401, "token_invalid")


def test_staff_see_their_brands(shopper_client):
    member = MembershipFactory()
    MembershipFactory(user=member.user, brand=BrandFactory(is_active=False))

    answer = shopper_client(member.user).get(ME).json()

    assert answer["brands"] == [{"id": str(member.brand.pk), "slug": member.brand.slug, "role": "owner"}]
    assert answer["customer_id"] is None
