"""No answer tells a brand which codes another brand has, or who is in its audiences."""

from collections.abc import Callable
from typing import Any

import pytest

from redemptions.codes.models import Code
from segments.services import apply_audience
from tests.rules.api import CODED, Shop, line, percent

pytestmark = pytest.mark.django_db
AUDIENCE = {"kind": "audience", "any": ["vip"]}


@pytest.fixture
def cake(create_shop: Callable[..., Shop]) -> Shop:
    """The server of Cake."""
    return create_shop(slug="cake")


def strip(batch: dict[str, Any]) -> dict[str, Any]:
    """Return a batch without what every batch has of its own."""
    own = {"id", "job", "offer", "created_at", "finished_at"}
    return {name: value for name, value in batch.items() if name not in own}


@pytest.mark.parametrize("kind", CODED)
def test_an_import_answers_the_same_whether_another_brand_has_the_codes(kind: str, shop: Shop, cake: Shop) -> None:
    secrets = shop.generate(shop.create(kind, text="BILLO"), 20)
    unknown = [f"{code[:-1]}{'A' if code[-1] != 'A' else 'B'}" for code in secrets]
    offers = [cake.create(kind, text=text) for text in ("CAKE1", "CAKE2")]

    answers = [
        cake.import_file(offer, "\n".join(["code", *codes, "x"]))
        for offer, codes in zip(offers, [secrets, unknown], strict=True)
    ]

    assert strip(answers[0]) == strip(answers[1])
    assert Code.objects.filter(brand=cake.brand, text__in=secrets).count() == 20


@pytest.mark.parametrize("kind", CODED)
def test_a_code_of_another_brand_is_answered_as_an_unknown_one(kind: str, shop: Shop, cake: Shop) -> None:
    (secret,) = shop.generate(shop.create(kind, text="BILLO"))
    shop.create(kind, text="SECRET")

    for text in (secret, "SECRET"):
        unknown = f"{text[:-1]}Z"
        answers = [
            str(cake.quote(None, lines=[line(brand=brand)], codes=[code])["rejected"]).replace(code, "?")
            for code in (text, unknown)
            for brand in ("billo", "cake")
        ]
        assert len(set(answers)) == 1
        created = [cake.client.get(f"/api/v1/codes/{code}/") for code in (text, unknown)]
        assert {response.status_code for response in created} == {404}
        assert created[0].content.decode().replace(text, "?") == created[1].content.decode().replace(unknown, "?")


@pytest.mark.parametrize("kind", CODED)
def test_a_quote_answers_the_same_whether_a_customer_is_in_another_brands_audience(
    kind: str, shop: Shop, cake: Shop
) -> None:
    shop.create(kind, percent("50") | {"conditions": [AUDIENCE]}, text="VIP")
    shop.create("promotion", percent("20") | {"conditions": [AUDIENCE]}, text="VIP2", trigger="code")
    own = cake.create(kind, percent("10") | {"conditions": [AUDIENCE]}, text="OWN")
    apply_audience(brand=shop.brand, segment_type="vip", operation="replace", customer_ids=["member"], version=1)

    for brand in ("billo", "cake"):
        for codes in (["VIP"], ["OWN"], ["VIP2"]):
            answers = [
                cake.quote(None, customer, lines=[line(brand=brand)], codes=codes) for customer in ("member", "other")
            ]
            assert answers[0] == answers[1]
    assert cake.reasons(own, "member", lines=[line(brand="cake")]) == ["audience_not_member"]
    assert shop.discount(None, "member", codes=["VIP"]) == "25.00"
