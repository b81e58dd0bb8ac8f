"""An order with offers of several brands: each brand sees and refunds its own part."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from accounts.services import create_grant
from checkout.consistency import check
from checkout.models import Redemption
from promotions.models import Promotion
from redemptions.events.models import Event
from redemptions.limits.models import Limit
from tests.checkout.builders import REDEMPTIONS, error_fields, line, order, post, post_action, status_and_code
from tests.factories import PASSWORD, ApiKeyFactory, BrandFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
LINES = [line(brand="billo"), line(id="b", sku="cake", unit_price="40.00", brand="cake")]


@pytest.fixture
def cake() -> Brand:
    brand: Brand = BrandFactory(slug="cake")
    return brand


@pytest.fixture(autouse=True)
def offers(billo: Brand, cake: Brand) -> None:
    """A promotion of each brand with a code and a budget."""
    PromotionFactory(brand=billo, trigger="code", text="BILLO10", name="Billo's sale", budget=100_000)
    PromotionFactory(brand=cake, trigger="code", text="CAKE50", name="Cake's secret", percent="50", budget=100_000)


@pytest.fixture
def other(brand_client: ClientOf, cake: Brand) -> Client:
    """HTTP client of Cake's server."""
    return brand_client(cake)


@pytest.fixture
def marketplace() -> Client:
    """HTTP client of the platform's checkout."""
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(platform=True).text}"})


def place(sender: Client, *, confirm: bool = True, **changes: Any) -> dict[str, Any]:
    """Place an order with a line and an offer of each brand."""
    body = order(**({"codes": ["BILLO10", "CAKE50"], "lines": LINES} | changes))
    response = post(sender, REDEMPTIONS, body)
    assert response.status_code == 201, response.content
    redemption: dict[str, Any] = response.json()
    if confirm:
        assert post_action(sender, redemption, "confirm").status_code == 200
    return redemption


def read(client: Client, redemption: dict[str, Any]) -> Any:
    response = client.get(f"{REDEMPTIONS}{redemption['id']}/")
    assert response.status_code == 200, response.content
    return response.json()


def budgets_used() -> list[int]:
    """Return what is used of the budgets of Billo's and Cake's promotions."""
    owners = [Promotion.objects.get(brand__slug=slug).pk for slug in ("billo", "cake")]
    return [sum(Limit.objects.filter(owner=owner).values_list("taken", flat=True)) for owner in owners]


@pytest.mark.parametrize("sender", ["shopper", "marketplace"])
def test_each_brand_sees_its_own_part(
    sender: str, request: pytest.FixtureRequest, server: Client, other: Client
) -> None:
    client = request.getfixturevalue(sender)
    who: dict[str, Any] = {"customer_id": "c1"} if sender == "marketplace" else {}
    placed = place(client, shipping="5.00", **who)

    whole, billos, cakes = (read(caller, placed)["quote"] for caller in (client, server, other))

    assert (whole["total"], whole["discount_total"], len(whole["applied"])) == ("115.00", "30.00", 2)
    assert [offer["code"] for offer in billos["applied"]] == ["BILLO10"]
    assert [part["id"] for part in billos["lines"]] == ["a"]
    assert {name: billos[name] for name in ("subtotal", "shipping", "discount_total", "total")} == {
        "subtotal": "100.00", "shipping": "0.00", "discount_total": "10.00", "total": "90.00",
    }  # fmt: skip
    assert ([offer["code"] for offer in cakes["applied"]], cakes["total"]) == (["CAKE50"], "20.00")
    for caller, secret in ((server, "CAKE50"), (other, "BILLO10"), (server, "secret"), (other, "115.00")):
        listed = caller.get(f"{REDEMPTIONS}?order={placed['order']}")
        assert [row["id"] for row in listed.json()["results"]] == [placed["id"]]
        assert listed.json()["results"][0]["quote"] == read(caller, placed)["quote"]
        assert secret not in listed.content.decode() + str(read(caller, placed))


def test_other_brands_see_nothing(shopper: Client, brand_client: ClientOf) -> None:
    placed, stranger = place(shopper), brand_client(BrandFactory())

    assert stranger.get(f"{REDEMPTIONS}{placed['id']}/").status_code == 404
    assert stranger.get(REDEMPTIONS).json()["results"] == []
    assert post_action(stranger, placed, "refund").status_code == 404


def test_the_brand_that_sent_an_order_sees_all_of_it(server: Client, other: Client, billo: Brand, cake: Brand) -> None:
    create_grant(issuer=billo, acceptor=cake, kinds=["promotion"], at=timezone.now())
    placed = place(other, customer_id="c1")

    assert len(read(other, placed)["quote"]["applied"]) == 2
    assert [offer["code"] for offer in read(server, placed)["quote"]["applied"]] == ["BILLO10"]
    assert status_and_code(post_action(server, placed, "cancel")) == (403, "permission_denied")


def test_events_have_the_subtotal_of_the_brand(shopper: Client, server: Client, marketplace: Client) -> None:
    placed = place(shopper, shipping="5.00")
    post_action(server, placed, "refund")
    post_action(marketplace, placed, "refund")
    place(shopper, order="1002", shipping="5.00", lines=LINES[:1], codes=["BILLO10"], confirm=False)

    rows = Event.objects.filter(redemption_id=placed["id"]).values_list("brand__slug", "type", "subtotal")
    alone = Event.objects.get(order="1002", type="redemption.reserved")

    assert {(brand, subtotal) for brand, _type, subtotal in rows} == {("billo", 10_000), ("cake", 4_000)}
    assert {kind for _brand, kind, _subtotal in rows} >= {"redemption.reserved", "redemption.confirmed"}
    assert alone.subtotal == 10_500


def test_each_brand_refunds_its_own_part(shopper: Client, server: Client, other: Client) -> None:
    placed = place(shopper)
    assert budgets_used() == [1_000, 2_000]

    refunded = post_action(server, placed, "refund")

    assert refunded.status_code == 200, refunded.content
    assert refunded.json()["refund"] == {
        "amount": "100.00", "discount": "10.00", "shipping": None,
        "lines": [{"id": "a", "quantity": 1, "amount": "100.00", "discount": "10.00"}],
    }  # fmt: skip
    assert (refunded.json()["status"], budgets_used()) == ("partially_returned", [0, 2_000])
    assert post_action(server, placed, "refund").json()["refund"]["amount"] == "0.00"
    assert read(other, placed)["refunded"] == []

    half = post_action(other, placed, "refund", {"lines": [{"id": "b", "amount": "20.00"}]})
    assert half.json()["refund"]["discount"] == "10.00"
    assert post_action(other, placed, "refund").json()["status"] == "returned"
    assert budgets_used() == [0, 0]
    assert list(check(at=timezone.now(), repair=False)) == []


def test_lines_of_another_brand_are_unknown_to_a_refund(shopper: Client, server: Client) -> None:
    placed = place(shopper)

    foreign = post_action(server, placed, "refund", {"lines": ["b"]})
    unknown = post_action(server, placed, "refund", {"lines": ["zzz"]})

    assert (foreign.status_code, unknown.status_code) == (400, 400)
    assert foreign.content == unknown.content.replace(b"zzz", b"b")
    recomputed = post_action(server, placed, "refund", {"policy": "recompute"})
    assert status_and_code(recomputed) == (403, "permission_denied")
    assert status_and_code(post_action(server, placed, "amend", {"currency": "EUR", "lines": LINES})) == (
        403,
        "permission_denied",
    )
    assert budgets_used() == [1_000, 2_000]


def test_shipping_without_a_discount_of_the_brand_is_no_part_of_it(
    shopper: Client, server: Client, marketplace: Client
) -> None:
    placed = place(shopper, shipping="5.00")

    response = post_action(server, placed, "refund", {"shipping": True})

    assert (status_and_code(response), error_fields(response)) == ((400, "invalid"), ["shipping"])
    assert post_action(marketplace, placed, "refund", {"shipping": True}).json()["refund"]["amount"] == "5.00"


def test_a_line_with_discounts_of_two_brands_is_refunded_by_none_of_them(
    shopper: Client, server: Client, marketplace: Client
) -> None:
    placed = place(shopper, lines=[line()])
    assert len(read(shopper, placed)["quote"]["applied"]) == 2

    assert status_and_code(post_action(server, placed, "refund")) == (403, "permission_denied")
    assert post_action(marketplace, placed, "refund").json()["status"] == "returned"


def test_viewers_see_the_part_and_change_nothing(shopper: Client, shopper_client: ClientOf, cake: Brand) -> None:
    viewer, placed = shopper_client(MembershipFactory(brand=cake, role="viewer").user), place(shopper)

    assert read(viewer, placed)["quote"]["total"] == "20.00"
    assert status_and_code(post_action(viewer, placed, "refund")) == (403, "permission_denied")


def test_a_brand_that_an_amendment_adds_and_removes_sees_the_order(
    other: Client, server: Client, billo: Brand, cake: Brand
) -> None:
    create_grant(issuer=billo, acceptor=cake, kinds=["promotion"], at=timezone.now())
    placed = place(other, customer_id="c1", lines=LINES[1:], codes=["CAKE50"])
    assert server.get(f"{REDEMPTIONS}{placed['id']}/").status_code == 404

    body = {"currency": "EUR", "lines": LINES, "codes": ["BILLO10", "CAKE50"], "terms": "current"}
    assert post_action(other, placed, "amend", body).status_code == 200

    assert read(server, placed)["quote"]["total"] == "90.00"
    event = Event.objects.get(brand=billo, redemption_id=placed["id"])
    assert (event.type, event.subtotal) == ("redemption.confirmed", 10_000)
    body |= {"lines": LINES[1:], "codes": ["CAKE50"]}
    assert post_action(other, placed, "amend", body).status_code == 200
    assert read(server, placed)["quote"]["total"] == "0.00"
    assert dict(Redemption.objects.get().parts.values_list("brand__slug", "subtotal")) == {"billo": 0, "cake": 4_000}


def test_the_admin_shows_the_part_of_the_brand(shopper: Client, cake: Brand) -> None:
    placed, staff = place(shopper), Client()
    staff.login(username=MembershipFactory(brand=cake).user.username, password=PASSWORD)

    listed = staff.get("/admin/redemptions/").content.decode()
    shown = staff.get(f"/admin/checkout/redemption/{placed['id']}/change/").content.decode()
    why = staff.get(f"/admin/checkout/redemption/{placed['id']}/why/").content.decode()

    assert placed["order"] in listed
    assert "CAKE50" in shown
    for secret in ("BILLO10", "Billo&#x27;s sale", "110.00", "shoe"):
        assert secret not in listed + shown, secret
    assert "Billo&#x27;s sale" not in why
