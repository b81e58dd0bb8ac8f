"""A brand that does everything through the API: it creates offers of every kind, places orders and returns goods."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from accounts.models import Brand, Customer, User
from tests.factories import UserFactory

CODE = "CODE"
KINDS = ("promotion", "discount_code", "coupon", "voucher")
CODED = ("promotion", "discount_code", "coupon")  # the kinds that are redeemed by a code
PATHS = {"promotion": "promotions/", "discount_code": "discountcode/", "coupon": "coupons/", "voucher": "campaigns/"}
ORDERS, QUOTE = "checkout/redemptions/", "checkout/quote/"


def percent(value: str = "10", **members: Any) -> dict[str, Any]:
    """Return an offer of a percentage."""
    return {"benefits": [{"kind": "percent", "value": value} | members]}


def amount(value: Any, **members: Any) -> dict[str, Any]:
    """Return an offer of an amount off the order."""
    return {"benefits": [{"kind": "amount", "value": value, "on": "order"} | members]}


def line(number: object = 1, price: str = "50.00", quantity: int = 1, **members: Any) -> dict[str, Any]:
    """Return a line of a cart."""
    return {"id": str(number), "sku": f"sku-{number}", "quantity": quantity, "unit_price": price} | members


@dataclass(frozen=True)
class Offer:
    """An offer of a kind, and its path in the API."""

    kind: str
    id: str
    path: str
    code: str = CODE


@dataclass
class Shop:
    """The server of a brand. Each method checks the status of the answer, ``expect``, and returns its body."""

    brand: Brand
    client: Client
    sign_in: Callable[[User], Client]
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def send(self, method: str, path: str, body: Any = None, *, expect: int = 200, **headers: str) -> Any:
        """Send a request with a JSON body."""
        arguments = {} if body is None else {"data": body}
        response = getattr(self.client, method)(
            f"/api/v1/{path}", content_type="application/json", headers=headers, **arguments
        )
        assert response.status_code == expect, (response.status_code, response.content)
        return response.json()

    def get(self, path: str, **query: str) -> Any:
        """Read an object or a list."""
        response = self.client.get(f"/api/v1/{path}", query)
        assert response.status_code == 200, response.content
        return response.json()

    def create(
        self, kind: str = "promotion", offer: dict[str, Any] | None = None, *, text: str = CODE, **fields: Any
    ) -> Offer:
        """Create an offer that runs until 2099, with a code or, for vouchers, as a campaign."""
        answer = self.create_answer(kind, offer, text=text, **fields)
        offer_id = str(answer.get("offer_id", answer["id"]))  # a text can be that of another discount code later
        return Offer(kind, offer_id, f"{PATHS[kind]}{answer['slug'] if kind == 'voucher' else offer_id}/", text)

    def create_answer(
        self,
        kind: str = "promotion",
        offer: dict[str, Any] | None = None,
        *,
        text: str = CODE,
        expect: int = 201,
        **fields: Any,
    ) -> Any:
        """Create an offer, or try to, and return the answer."""
        terms = offer or percent()
        dates = {"start_date": "2026-01-01", "end_date": "2099-01-01"}
        body = {
            "promotion": {"name": "x", "trigger": "code", "code": text, "offer": terms} | dates,
            "discount_code": {"id": text, "rule": {"offer": terms}, "validity": "2099-01-01"},
            "coupon": {"title": "x", "offer": terms, "codes": {"shared": text}} | dates,
            "voucher": {"name": "x", "slug": text.lower(), "offer": terms, "voucher_type": "purchase"} | dates,
        }[kind]
        return self.send("post", PATHS[kind], body | fields, expect=expect)

    def change(self, offer: Offer, *, expect: int = 200, **fields: Any) -> Any:
        """Change an offer."""
        return self.send("patch", offer.path, fields, expect=expect)

    def act(self, offer: Offer, action: str, *, expect: int = 200) -> Any:
        """Pause, resume, end or archive an offer."""
        return self.send("post", f"{offer.path}{action}/", expect=expect)

    def cart(self, offer: Offer | None, customer: str = "u1", **cart: Any) -> dict[str, Any]:
        """Return a cart of one line at 50.00 that uses the offer. A customer without a voucher gets one first."""
        body: dict[str, Any] = {"customer_id": customer, "currency": self.brand.currency, "lines": [line()]}
        if offer is not None and offer.kind == "voucher":
            body["vouchers"] = [self.claim(offer, customer)]
        elif offer is not None:
            body["codes"] = [offer.code]
        return body | cart

    def claim(self, campaign: Offer, customer: str) -> str:
        """Return the voucher that a customer gets of a campaign, who signs in for it."""
        user = User.objects.filter(customer__customer_id=customer).first()
        if user is None:
            user = UserFactory()
            Customer.objects.update_or_create(customer_id=customer, defaults={"user": user})
        answer = self.sign_in(user).post(f"/api/v1/{campaign.path}first-login/")
        assert answer.status_code in {200, 201}, answer.content
        return str(answer.json()["voucher"]["id"])

    def quote(self, offer: Offer | None = None, customer: str = "u1", **cart: Any) -> Any:
        """Price a cart."""
        return self.send("post", QUOTE, self.cart(offer, customer, **cart))

    def discount(self, offer: Offer | None = None, customer: str = "u1", **cart: Any) -> str:
        """Return the discount of a cart."""
        return str(self.quote(offer, customer, **cart)["discount_total"])

    def reasons(self, offer: Offer | None = None, customer: str = "u1", **cart: Any) -> list[str]:
        """Return why a cart doesn't get the codes that it has."""
        return [rejection["reason"]["code"] for rejection in self.quote(offer, customer, **cart)["rejected"]]

    def reserve(self, offer: Offer | None = None, customer: str = "u1", *, expect: int = 201, **cart: Any) -> Any:
        """Reserve a new order."""
        order = {"order": f"o{next(self.numbers)}"}
        return self.send("post", ORDERS, self.cart(offer, customer, **(order | cart)), expect=expect)

    def buy(self, offer: Offer | None = None, customer: str = "u1", **cart: Any) -> Any:
        """Reserve and confirm a new order."""
        return self.confirm(self.reserve(offer, customer, **cart))

    def confirm(self, order: dict[str, Any], *, expect: int = 200) -> Any:
        """Confirm an order."""
        return self.send("post", f"{ORDERS}{order['id']}/confirm/", expect=expect)

    def refund(self, order: dict[str, Any], *parts: Any, expect: int = 200, **body: Any) -> Any:
        """Refund parts of an order, or all of it."""
        return self.send(
            "post", f"{ORDERS}{order['id']}/refund/", ({"lines": list(parts)} if parts else {}) | body, expect=expect
        )

    def cancel(self, order: dict[str, Any]) -> Any:
        """Cancel a reservation."""
        return self.send("post", f"{ORDERS}{order['id']}/cancel/")

    def amend(self, order: dict[str, Any], *lines: Any, expect: int = 200, **cart: Any) -> Any:
        """Replace the lines of a confirmed order."""
        body = {"currency": order["quote"]["currency"], "lines": list(lines)} | cart
        return self.send("post", f"{ORDERS}{order['id']}/amend/", body, expect=expect)

    def read(self, order: dict[str, Any]) -> Any:
        """Read an order."""
        return self.get(f"{ORDERS}{order['id']}/")

    def generate(self, offer: Offer, count: int = 1) -> list[str]:
        """Generate single-use codes of an offer, and return them."""
        batch = self.send("post", f"{offer.path}batches/", {"count": count}, expect=201)
        lines = b"".join(self.client.get(f"/api/v1/{offer.path}batches/{batch['id']}/codes.csv")).decode().splitlines()
        return [text.partition(",")[0] for text in lines[1:]]

    def import_file(self, offer: Offer, file: str | bytes, *, expect: int = 201, query: str = "") -> Any:
        """Import codes of an offer from a CSV file."""
        data = file if isinstance(file, bytes) else file.encode()
        path = f"/api/v1/{offer.path}batches/import/{query}"
        response = self.client.post(path, data, content_type="text/csv")
        assert response.status_code == expect, response.content
        return response.json()
