from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from accounts import services
from accounts.contracts import READ, Role, get_caller
from accounts.models import ApiKey, User
from tests.accounts.test_api import ME, problem
from tests.factories import PASSWORD, ApiKeyFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


class CallerView(APIView):
    """View that returns its caller."""

    key_scopes = {"get": READ, "post": READ}

    def get(self, request: Request) -> Response:
        caller = get_caller(request.auth)
        shopper = caller.shopper and caller.shopper.id
        return Response({"caller": caller.identity, "shopper": shopper, "pk": request.user.pk})

    post = get


def send(method="get", **headers):
    request = getattr(APIRequestFactory(headers={name.title(): text for name, text in headers.items()}), method)(
        "/api/caller/"
    )
    return CallerView.as_view()(request)


def access_token(user):
    return services.tokens_for(user=user, at=timezone.now()).access


def test_a_token_is_verified_without_a_query(django_assert_num_queries):
    user = ShopperFactory()
    token = access_token(user)

    with django_assert_num_queries(0):
        for method in ("get", "post"):
            response = send(method, authorization=f"Bearer {token}")
            assert response.data == {"caller": f"user:{user.uuid}", "shopper": user.customer.pk, "pk": user.pk}


def test_the_user_of_a_token_is_loaded_on_demand(rf):
    user = ShopperFactory(email="ann@example.com")
    request = APIView().initialize_request(rf.get("/", headers={"Authorization": f"Bearer {access_token(user)}"}))

    with CaptureQueriesContext(connection) as queries:
        assert request.user.is_authenticated
        assert not queries.captured_queries
        assert (request.user.email, request.user.username) == ("ann@example.com", user.username)
    assert len(queries) == 1


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_authentication_scheme_ignores_case(scheme):
    assert send(authorization=f"{scheme} {access_token(ShopperFactory())}").status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer ü", "Api-Key", "Api-Key x", "Api-Key pk0000000000.x"],
)
def test_invalid_credentials_return_token_invalid(api, header):
    problem(api.get(ME, headers={"Authorization": header}), 401, "token_invalid")


@pytest.mark.parametrize("header", ["", "Basic YTpi", "x", "Token x"])
def test_missing_credentials_return_not_authenticated(api, header):
    problem(api.get(ME, headers={"Authorization": header}), 401, "not_authenticated")


def test_an_expired_token_returns_token_expired(api):
    token = access_token(ShopperFactory())

    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        problem(api.get(ME, headers={"Authorization": f"Bearer {token}"}), 401, "token_expired")


def test_an_api_key_authenticates_until_it_is_revoked():
    key = ApiKeyFactory()
    assert send(authorization=f"Api-Key {key.text}").data == {"caller": f"key:{key.pk}", "shopper": None, "pk": None}

    services.revoke_key(key=key, at=timezone.now())

    assert send(authorization=f"Api-Key {key.text}").status_code == 401
    assert ApiKey.objects.get(pk=key.pk).last_used_at is not None


def test_an_api_key_costs_one_query(django_assert_num_queries):
    key = ApiKeyFactory(last_used_at=timezone.now())

    with django_assert_num_queries(1):
        assert send(authorization=f"Api-Key {key.text}").status_code == 200


# --- sessions --------------------------------------------------------------------------------------------------------
def test_the_admin_session_needs_a_csrf_token_only_for_writes():
    member = MembershipFactory(role=Role.OWNER)
    client = APIClient(enforce_csrf_checks=True)
    assert client.login(username=member.user.username, password=PASSWORD)
    keys = f"/api/v1/brands/{member.brand.slug}/api-keys/"

    assert client.get(ME).status_code == 200
    problem(client.post(keys, {"name": "shop"}), 403, "permission_denied")
    assert not ApiKey.objects.exists()

    client.get("/admin/login/")
    token = client.get("/admin/").wsgi_request.META.get("CSRF_COOKIE") or client.cookies["csrftoken"].value
    assert client.post(keys, {"name": "shop"}, headers={"X-CSRFToken": token}).status_code == 201
    assert ApiKey.objects.get().brand == member.brand


def test_an_access_token_needs_no_csrf_token():
    member = MembershipFactory()
    client = APIClient(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {access_token(member.user)}"})

    assert client.post(f"/api/v1/brands/{member.brand.slug}/api-keys/", {"name": "shop"}).status_code == 201


def test_the_session_of_a_deactivated_user_ends():
    user = UserFactory()
    client = APIClient()
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    problem(client.get(ME), 401, "not_authenticated")
