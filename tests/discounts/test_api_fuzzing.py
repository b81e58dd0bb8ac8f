"""Generated input for the discount code API: every request is accepted or rejected, never a server error."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Brand, User
from discounts.models import DiscountCode, DiscountRule
from redemptions.codes.models import Code
from tests.factories import BrandFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
CODES, REDEMPTIONS = "/api/v1/discountcode/", "/api/v1/discountcodeusage/"

text = st.text(max_size=12)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
amount = st.sampled_from(["10", "10.00", "0.001", "999999999999999", "-1"])
condition = st.fixed_dictionaries(
    {"kind": st.sampled_from(["min_subtotal", "hours", "date_range", "audience", "nth_order", "weekdays", "contains"])},
    optional={
        "value": amount | any_json, "any": st.lists(text, max_size=2) | any_json, "from": text | any_json,
        "to": text | any_json, "quantity": st.integers(0, 3) | any_json, "select": any_json,
    },
)  # fmt: skip
rule = st.fixed_dictionaries(
    {"discount": st.integers(0, 100) | any_json},
    optional={
        "audience": text | any_json, "name": text | any_json, "conditions": st.lists(condition, max_size=2) | any_json,
        "on": st.sampled_from(["order", "line", "shipping", "bundle"]) | any_json, "max_discount": amount | any_json,
        "select": st.fixed_dictionaries({"skus": st.lists(text, max_size=2)}) | any_json, "lane": st.integers(-1, 10),
        "max_units": st.integers(0, 5) | any_json, "per": any_json, "group": text | any_json, "priority": any_json,
        "unknown": any_json,
    },
)  # fmt: skip
validity = st.sampled_from(
    ["2099-01-31T23:59:59+01:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"]
)
new_code = st.fixed_dictionaries(
    {"id": text | st.just("FRESH") | any_json, "rule": rule | any_json, "validity": validity | any_json},
    optional={"brand": text | any_json, "notify": st.booleans() | any_json},
)
redemption = st.fixed_dictionaries(
    {"discount_code": st.sampled_from(["TEN", "NOSUCH"]) | text | any_json},
    optional={"user": any_json, "amount": amount | any_json, "currency": st.sampled_from(["EUR", "JPY"]) | any_json},
)
thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def billo(settings: Any) -> Brand:
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    brand: Brand = BrandFactory(slug="billo", timezone="Pacific/Kiritimati")
    DiscountCodeFactory(text="TEN", brand=brand)
    return brand


@pytest.fixture
def owner(billo: Brand) -> User:
    user: User = MembershipFactory(brand=billo).user
    return user


def post(client: Client, path: str, body: object) -> Any:
    return client.post(path, body, content_type="application/json")


@given(data=new_code)
@thorough
def test_any_code_input_is_created_or_rejected(data: Any, shopper_client: ClientOf, owner: User) -> None:
    client = shopper_client(owner)

    response = post(client, CODES, data)

    assert response.status_code in {201, 400, 403, 409}, response.content
    if response.status_code == 201:
        created = DiscountCode.objects.get(code=response.json()["id"])
        assert client.get(f"{CODES}{created.code}/").json()["rule"] == response.json()["rule"]
        cart = {"currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 2, "unit_price": "10.00"}]}
        shopper = shopper_client(ShopperFactory())
        assert post(shopper, "/api/v1/checkout/quote/", cart | {"codes": [created.code]}).status_code == 200
        DiscountCode.objects.filter(pk=created.pk).delete()
        Code.objects.filter(offer=created.offer_id).delete()


@given(data=redemption)
@thorough
def test_any_redemption_input_is_redeemed_or_rejected(data: Any, shopper_client: ClientOf, billo: Brand) -> None:
    response = post(shopper_client(ShopperFactory()), REDEMPTIONS, data)

    assert response.status_code in {201, 400, 403, 404, 409}, response.content


@pytest.mark.parametrize("value", [0, False, [], {}, 7, ["friends"], "x" * 101])
@pytest.mark.parametrize("name", ["audience", "name"])
def test_an_audience_that_is_no_text_never_creates_a_code_for_everyone(
    name: str, value: Any, shopper_client: ClientOf, owner: User
) -> None:
    data = {"id": "FRESH", "rule": {"discount": 10, name: value}, "validity": "2099-01-31T23:59:59+01:00"}

    response = post(shopper_client(owner), CODES, data)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, f"rule.{name}")
    assert DiscountRule.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start_date": 1}, "start_date"), ({"start_date": None}, "start_date"), ({"rule": None}, "rule"),
        ({"validity": None}, "validity"), ({"validity": "2020-01-01T00:00:00Z"}, "validity"),
        ({"validity": "2099-01-01T00:00:00"}, "validity"),
    ],
)  # fmt: skip
def test_an_invalid_change_is_rejected_by_field(
    body: dict[str, Any], field: str, shopper_client: ClientOf, owner: User
) -> None:
    response = shopper_client(owner).patch(f"{CODES}TEN/", body, content_type="application/json")

    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])


def test_staff_of_several_brands_must_name_the_brand_of_a_return(shopper_client: ClientOf, owner: User) -> None:
    MembershipFactory(user=owner, brand=BrandFactory(slug="cake"))
    usage_id = post(shopper_client(ShopperFactory()), REDEMPTIONS, {"discount_code": "TEN"}).json()["id"]
    client = shopper_client(owner)

    assert client.delete(f"{REDEMPTIONS}{usage_id}/").status_code == 400
    assert client.delete(f"{REDEMPTIONS}{usage_id}/?brand=cake").status_code == 404
    assert client.delete(f"{REDEMPTIONS}{usage_id}/?brand=billo").status_code == 204


def test_staff_of_one_brand_can_shop_at_another(shopper_client: ClientOf, billo: Brand) -> None:
    staff = ShopperFactory()
    MembershipFactory(user=staff, brand=BrandFactory(slug="cake"))

    assert [code["id"] for code in shopper_client(staff).get(f"{CODES}?brand=billo").json()["results"]] == ["TEN"]
    assert shopper_client(staff).get(CODES).json()["results"] == []


def test_a_code_with_the_latest_possible_end_is_announced(
    shopper_client: ClientOf, owner: User, run_outbox: Callable[[], int], mailoutbox: list[Any]
) -> None:
    ShopperFactory(consents=True)
    data = {"id": "FOREVER", "rule": {"discount": 10}, "validity": "9998-12-31T23:59:59Z"}

    assert post(shopper_client(owner), CODES, data).status_code == 201
    run_outbox()

    assert len(mailoutbox) == 1
