"""Names of brands: none passes for another brand or for the platform."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts import services
from accounts.models import Brand
from core.errors import InvalidRequest
from core.lookalikes import canonicalize_name, has_mixed_alphabets
from tests.factories import BrandFactory, MembershipFactory

pytestmark = pytest.mark.django_db
LOOKS_LIKE = "This name looks like that of another brand. Choose a different one."


def find_error(name: str, brand: Brand | None = None) -> str | None:
    try:
        services.check_brand_name(name=name, brand_id=brand.pk if brand else None)
    except InvalidRequest as error:
        (problem,) = error.errors or []
        assert problem["field"] == "name"
        return problem["detail"]
    return None


@pytest.mark.parametrize(
    "name",
    [
        "Billo", "BILLO", "B i l l o", "Bi-llo!", "BiIIo", "B1ll0", "B\u00edll\u00f6", "\uff22\uff29\uff2c\uff2c\uff2f",
        "\U0001d401\U0001d422\U0001d425\U0001d425\U0001d428", "Bill\u2060o", "\u13f4illo".replace("\u13f4", "\u0412"),
    ],
)  # fmt: skip
def test_a_name_that_looks_like_another_brand_is_refused(name: str) -> None:
    BrandFactory(name="Billo")

    assert find_error(name) in {LOOKS_LIKE, "Use letters of one alphabet in each word."}


def test_all_letters_of_another_alphabet_look_alike_too() -> None:
    BrandFactory(name="Cake")

    assert find_error("\u0421\u0430\u043a\u0435") == LOOKS_LIKE  # Cyrillic


@pytest.mark.parametrize(("one", "other"), [("modern", "modem"), ("vvine", "wine"), ("O0", "0O"), ("I1l", "lll")])
def test_these_look_alike(one: str, other: str) -> None:
    assert canonicalize_name(one) == canonicalize_name(other)


@pytest.mark.parametrize(
    "name",
    [
        "Billa",
        "Bill",
        "Billos",
        "Cake",
        "\u5317\u4eac",
        "Caf\u00e9 M\u00fcller",
        "\u041a\u0430\u0444\u0435",
        "7",
        "A&O",
    ],
)
def test_other_names_are_fine(name: str) -> None:
    BrandFactory(name="Billo")

    assert find_error(name) is None


def test_a_brand_keeps_its_name_in_another_spelling() -> None:
    brand = BrandFactory(name="Billo")

    assert find_error("BILLO", brand) is None


@pytest.mark.parametrize(
    "name", ["Apple Support", "billo-ADMIN", "0fficial Billo", "Supp\u00f6rt", "promoplatform", "PROMO PLATFORM"]
)
def test_reserved_words_are_refused(name: str) -> None:
    assert "is reserved" in str(find_error(name))


def test_reserved_words_are_a_setting(settings: Any) -> None:
    settings.RESERVED_BRAND_WORDS = ["bank"]

    assert find_error("Apple Support") is None
    assert "bank" in str(find_error("My B\u00e4nk"))


@pytest.mark.parametrize("name", ["!!!", "\u2014", "\u200b", "\u0301"])
def test_a_name_has_letters(name: str) -> None:
    assert find_error(name) == "Enter a name with letters or digits."


@pytest.mark.parametrize(
    ("name", "is_mixed"),
    [
        ("p\u0430ypal", True), ("\u03bfmega", True), ("pay \u0430\u0431\u0432", False), ("\u30d3\u30edABC", False),
        ("na\u00efve", False), ("\u5317\u4eac123", False),
    ],
)  # fmt: skip
def test_alphabets_that_look_alike_are_not_mixed_in_a_word(name: str, is_mixed: bool) -> None:
    assert has_mixed_alphabets(name) is is_mixed


# --- the admin --------------------------------------------------------------------------------------------------------
FORM = {
    "color": "#123456", "timezone": "UTC", "language": "en", "checkout_by": "server", "sso": "off", "currency": "EUR",
}  # fmt: skip


def rename(client: Client, brand: Brand, name: str) -> Any:
    return client.post(f"/admin/accounts/brand/{brand.pk}/change/", FORM | {"name": name})


def test_an_owner_cannot_take_the_name_of_another_brand() -> None:
    BrandFactory(name="Apple")
    member = MembershipFactory(brand=BrandFactory(name="Billo"))
    client = Client()
    client.force_login(member.user)

    refused = [rename(client, member.brand, name) for name in ("AppIe", "Apple\u202e", "Apple\n", "Apple Support")]
    accepted = rename(client, member.brand, "BILLO")

    for response in refused:
        assert response.status_code == 200
        assert response.context["adminform"].form.errors.keys() == {"name"}
    assert LOOKS_LIKE in refused[0].text
    assert accepted.status_code == 302
    assert Brand.objects.get(pk=member.brand.pk).name == "BILLO"


def test_a_brand_that_looks_like_another_keeps_its_name_and_changes_the_rest() -> None:
    BrandFactory(name="Apple")
    member = MembershipFactory(brand=BrandFactory(name="AppIe"))
    client = Client()
    client.force_login(member.user)

    assert rename(client, member.brand, "AppIe").status_code == 302
    assert Brand.objects.get(pk=member.brand.pk).color == "#123456"


def test_a_platform_admin_cannot_create_one_either(admin_client: Client) -> None:
    BrandFactory(name="Apple")

    response = admin_client.post("/admin/accounts/brand/add/", FORM | {"name": "Appl\u0435", "slug": "apple-2"})

    assert response.context["adminform"].form.errors.keys() == {"name"}
    assert Brand.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_name_is_checked_in_a_transaction_only() -> None:
    with pytest.raises(RuntimeError):
        services.check_brand_name(name="Billo", brand_id=None)
    with transaction.atomic():
        services.check_brand_name(name="Billo", brand_id=None)
