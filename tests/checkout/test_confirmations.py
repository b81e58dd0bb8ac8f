"""Who confirms an order, and what follows from it: only servers and staff vouch for orders of a customer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from checkout import services
from checkout.consistency import check
from checkout.models import PurchaseTotal, Redemption
from tests.checkout.builders import QUOTE, REDEMPTIONS, cart, line, post, post_action, reserve_order
from tests.factories import ApiKeyFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]


@pytest.fixture(autouse=True)
def promotions(billo: Brand) -> None:
    """Billo's automatic promotion, and one each for the first, the second and the fourth order of a customer."""
    PromotionFactory(brand=billo, trigger="automatic", percent="1")
    for number, percent in ((1, "10"), (2, "20"), (4, "90")):
        condition = {"kind": "nth_order", "value": number}
        PromotionFactory(brand=billo, trigger="automatic", percent=percent, extra={"conditions": [condition]})


@pytest.fixture
def owner(billo: Brand, shopper_client: ClientOf) -> Client:
    """HTTP client of an owner of Billo."""
    return shopper_client(MembershipFactory(brand=billo).user)


@pytest.fixture
def marketplace() -> Client:
    """HTTP client of the platform's checkout."""
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(platform=True).text}"})


def place(shopper: Client, number: int, confirming: Client | None = None) -> dict[str, Any]:
    """Let the shopper reserve an order, and the shopper or another caller confirm it."""
    redemption = reserve_order(shopper, order=str(number), codes=[], lines=[line(brand="billo")])
    answer = post_action(confirming or shopper, redemption, "confirm")
    assert answer.status_code == 200, answer.content
    confirmed: dict[str, Any] = answer.json()
    return confirmed


def discount(shopper: Client) -> str:
    total: str = post(shopper, QUOTE, cart(lines=[line(brand="billo")])).json()["discount_total"]
    return total


def test_orders_that_a_shopper_invents_unlock_nothing(shopper: Client) -> None:
    assert discount(shopper) == "10.90"

    for number in range(3):
        assert place(shopper, number)["confirmed_by"] == "shopper"
        assert discount(shopper) == "1.00"  # neither a first nor a second nor a fourth order


@pytest.mark.parametrize("confirming", ["server", "owner", "marketplace"])
def test_orders_that_others_confirm_count(confirming: str, shopper: Client, request: pytest.FixtureRequest) -> None:
    caller = request.getfixturevalue(confirming)

    confirmed = place(shopper, 1, caller)

    assert confirmed["confirmed_by"] == ("staff" if confirming == "owner" else "server")
    assert discount(shopper) == "20.80"
    place(shopper, 2, caller)
    place(shopper, 3, caller)
    assert discount(shopper) == "90.10"


def test_a_server_confirms_what_a_shopper_confirmed(shopper: Client, server: Client) -> None:
    redemption = place(shopper, 1)
    assert discount(shopper) == "1.00"

    again = post_action(shopper, redemption, "confirm").json()
    vouched = post_action(server, redemption, "confirm").json()

    assert (again["confirmed_by"], vouched["confirmed_by"]) == ("shopper", "server")
    assert vouched["confirmed_at"] == redemption["confirmed_at"]
    assert post_action(shopper, redemption, "confirm").json()["confirmed_by"] == "server"
    assert discount(shopper) == "20.80"


def test_automatic_audiences_count_what_servers_and_staff_confirmed(
    shopper: Client, server: Client, user: User, billo: Brand
) -> None:
    first = place(shopper, 1)
    place(shopper, 2)
    place(shopper, 3, server)

    def totals() -> list[int]:
        services.refresh_audiences(at=timezone.now())
        return list(PurchaseTotal.objects.filter(brand=billo, customer=user.customer).values_list("orders", flat=True))

    assert totals() == [1]
    post_action(server, first, "confirm")
    assert totals() == [2]
    assert list(check(at=timezone.now(), repair=False)) == []


def test_a_reservation_is_not_confirmed_by_anyone(shopper: Client) -> None:
    redemption = reserve_order(shopper, codes=[], lines=[line(brand="billo")])

    assert redemption["confirmed_by"] is None
    assert Redemption.objects.get().confirmed_by == ""
    assert shopper.get(f"{REDEMPTIONS}{redemption['id']}/").json()["confirmed_by"] is None
