"""Languages of shoppers and brands: which tags are accepted, and who sets them."""

import pytest

from accounts.models import Brand, User
from core.languages import find_language
from tests.factories import BrandFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("es", "es"), ("ES", "es"), ("es-MX", "es"), ("es-419", "es"), ("en-Latn-GB", "en"), ("de-CH-1996", "de"),
        ("fr", None), ("x", None), ("e s", None), ("es_MX", None), ("es-", None), ("es" * 30, None), ("en\0", None),
    ],
)  # fmt: skip
def test_a_tag_stands_for_a_language_of_the_platform(tag, language):
    assert find_language(tag) == language


def test_shoppers_set_their_language(shopper_client):
    user = ShopperFactory()

    response = shopper_client(user).patch("/api/v1/me/", {"language": "es-MX"}, content_type=JSON)

    assert (response.status_code, response.json()["language"]) == (200, "es")
    assert User.objects.get(pk=user.pk).language == "es"
    response = shopper_client(user).patch("/api/v1/me/", {"language": ""}, content_type=JSON)
    assert response.json()["language"] == ""


@pytest.mark.parametrize("language", ["fr", "Spanish", 1, None, "es es"])
def test_an_unknown_language_is_refused_and_changes_nothing(shopper_client, language):
    owner = MembershipFactory(brand=BrandFactory(slug="billo"))
    owner.user.language = "de"
    owner.user.save()
    client = shopper_client(owner.user)

    responses = [
        client.patch(path, {"language": language}, content_type=JSON)
        for path in ("/api/v1/me/", "/api/v1/brands/billo/")
    ]

    assert [response.status_code for response in responses] == [400, 400]
    assert [response.json()["errors"][0]["field"] for response in responses] == ["language", "language"]
    assert (User.objects.get().language, Brand.objects.get().language) == ("de", "en")


def test_an_owner_sets_the_language_of_the_brand(shopper_client):
    owner = MembershipFactory(brand=BrandFactory(slug="billo", name="Billo"))

    response = shopper_client(owner.user).patch("/api/v1/brands/billo/", {"language": "es"}, content_type=JSON)

    assert response.json() == {
        "id": str(owner.brand.pk), "slug": "billo", "name": "Billo", "language": "es", "timezone": "UTC",
        "currency": "EUR", "browser_origins": [], "require_second_factor": False, "sso": "off",
    }  # fmt: skip
    assert shopper_client(owner.user).get("/api/v1/brands/billo/").json() == response.json()
