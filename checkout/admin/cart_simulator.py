"""The cart simulator: the price of a cart with promotions that needn't be active, and its explanation."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.selectors import get_shopper
from backoffice.base.admin import list_brand_ids
from backoffice.base.costly_pages import limit_concurrency
from backoffice.brand_selection import render_brand_selection, select_brand
from checkout import selectors, serialization, services
from checkout.admin import explanations
from checkout.admin.cart_conversion import to_cart, to_simulation
from checkout.admin.forms import CartForm, LineFormSet
from checkout.contracts import Simulation
from core.permissions import BrandPermissions
from promotions.models import Promotion

INITIAL_ROWS, ADDED_ROWS = 3, 3
EMPTY_ROW = {"quantity": 1, "discountable": True}


@limit_concurrency("simulation", methods=("POST",))
def page(request: HttpRequest) -> HttpResponse:
    """Show ``/admin/checkout/redemption/try/`` to users who may read the brand's promotions. Nothing is stored."""
    if list_brand_ids(request, BrandPermissions.READ) == []:
        raise PermissionDenied
    brand = select_brand(request, BrandPermissions.READ)
    if brand is None:
        return render_brand_selection(request, BrandPermissions.READ, admin.site.each_context(request))
    with timezone.override(brand.timezone):
        response = TemplateResponse(request, "admin/checkout/cart_simulator.html", _build_page(request, brand))
        return response.render()


def _build_page(request: HttpRequest, brand: Brand) -> dict[str, Any]:
    promotions = selectors.list_recent_promotions(brand, at=timezone.now())
    simulation = None
    is_adding_rows = "more" in request.POST
    if request.method == "POST":
        form = CartForm(request.POST, promotions=promotions)
        lines = LineFormSet(_add_rows(request), prefix="line")
        if not is_adding_rows and all([form.is_valid(), lines.is_valid()]):
            simulation = _simulate(form, lines, brand, promotions)
    else:
        form = CartForm(initial={"currency": brand.currency}, promotions=promotions)
        lines = LineFormSet(prefix="line", initial=[EMPTY_ROW] * INITIAL_ROWS)
    return admin.site.each_context(request) | {
        "title": _("Cart simulator"),
        "subtitle": str(brand),
        "brand": brand,
        "form": form,
        "lines": lines,
        "has_promotions": bool(promotions),
        "simulation": None if simulation is None else build_context(simulation),
        "is_adding_rows": is_adding_rows,
    }


def _add_rows(request: HttpRequest) -> dict[str, Any]:
    """Return the submitted data, with more empty rows if the user wants to add some."""
    data = request.POST.dict()
    rows = data.get("line-TOTAL_FORMS", "")
    if "more" in data and rows.isdecimal() and len(rows) <= len(str(LineFormSet.max_num)):
        count = min(int(rows), LineFormSet.max_num)
        new_count = min(count + ADDED_ROWS, LineFormSet.max_num)
        data["line-TOTAL_FORMS"] = str(new_count)
        for number in range(count, new_count):
            data |= {f"line-{number}-quantity": "1", f"line-{number}-discountable": "on"}
    return data


def _simulate(form: CartForm, lines: Any, brand: Brand, promotions: list[Promotion]) -> Simulation | None:
    """Simulate the submitted cart; None if an amount is invalid, with the error at its field."""
    request = to_cart(form, lines, brand)
    if request is None:
        return None
    customer_id = form.cleaned_data["customer_id"]
    return services.simulate(
        request=request,
        options=to_simulation(form, promotions, brand),
        brand=brand,
        shopper=get_shopper(customer_id, brand_id=brand.pk) if customer_id else None,
        at=form.cleaned_data["at"] or timezone.now(),
    )


def build_context(simulation: Simulation) -> dict[str, Any]:
    """Return the result of a simulation in the form that the template shows."""
    cart = simulation.quote.request.cart
    answer = serialization.serialize_simulation(simulation)
    lines = {line.id: line for line in cart.lines}

    def amount(text: str) -> str:
        return explanations.format_answer_amount(text, cart.currency)

    return {
        "totals": [
            (_("Subtotal"), amount(answer["subtotal"])),
            (_("Discount"), amount(answer["discount_total"])),
            (_("Shipping"), amount(answer["shipping"])),
            (_("Total"), amount(answer["total"])),
        ],
        "lines": [
            {"sku": lines[line["id"]].sku, "quantity": lines[line["id"]].quantity}
            | {name: amount(line[name]) for name in ("subtotal", "discount", "total")}
            for line in answer["lines"]
        ],
        "applied": [
            {
                "name": offer["name"],
                "code": offer.get("code", ""),
                "amount": amount(offer["amount"]),
                "shares": ", ".join(f"{lines[share['id']].sku}: {amount(share['amount'])}" for share in offer["lines"]),
                "shipping": amount(offer["shipping"]) if offer["shipping"].strip("0.") else "",
            }
            for offer in answer["applied"]
        ],
        "methods": [
            (method["id"], amount(method["price"]), amount(method["discount"]), amount(method["total"]))
            for method in answer.get("shipping_lines", [])
        ],
        "gifts": explanations.format_gifts(answer["gifts"], answer["currency"]),
        "rejected": [(rejected["code"], rejected["reason"]["detail"]) for rejected in answer["rejected"]],
        "near_misses": [
            (offer["name"], explanations.format_value(offer["missing"]), amount(offer["amount"]))
            for offer in answer["next_best"]
        ],
        "explanations": explanations.rows(answer["explain"], cart.currency),
    }
