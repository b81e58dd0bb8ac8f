"""The page "test a cart": what a cart would cost with promotions that need not run yet, and why."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Brand
from accounts.selectors import get_shopper
from backoffice.base.admin import list_brand_ids
from checkout import rules, services
from checkout.admin import explanations
from checkout.admin.forms import CartForm, LineFormSet, recent_promotions, to_cart, to_simulation
from checkout.contracts import Simulation
from core.permissions import BrandPermissions

ROWS, MORE = 3, 3
EMPTY = {"quantity": 1, "discountable": True}


def chosen_brand(request: HttpRequest, rights: BrandPermissions) -> Brand | None:
    """The brand that a page is for; None when the user has still to choose. Raises PermissionDenied and Http404."""
    mine = list_brand_ids(request, rights)
    if mine == []:
        raise PermissionDenied
    rows = Brand.objects.filter(is_active=True).order_by("name")
    rows = rows if mine is None else rows.filter(pk__in=mine)
    if slug := request.GET.get("brand"):
        found = rows.filter(slug=slug).first()
        if found is None:
            raise Http404
        return found
    some = list(rows[:2])
    return some[0] if len(some) == 1 else None


def ask_brand(request: HttpRequest, rights: BrandPermissions, title: str) -> HttpResponse:
    """The page on which a brand is chosen."""
    mine = list_brand_ids(request, rights)
    rows = Brand.objects.filter(is_active=True).order_by("name")
    context = admin.site.each_context(request) | {
        "title": title, "brands": (rows if mine is None else rows.filter(pk__in=mine))[:500],
    }  # fmt: skip
    return TemplateResponse(request, "admin/choose_brand.html", context)


def page(request: HttpRequest) -> HttpResponse:
    """``/admin/checkout/redemption/try/``: whoever reads the brand's promotions may try them. Stores nothing."""
    brand = chosen_brand(request, BrandPermissions.READ)
    if brand is None:
        return ask_brand(request, BrandPermissions.READ, "Test a cart: of which brand?")
    with timezone.override(brand.timezone):
        response = TemplateResponse(request, "admin/checkout/cart_simulator.html", _context(request, brand))
        return response.render()


def _context(request: HttpRequest, brand: Brand) -> dict[str, Any]:
    promotions, found = recent_promotions(brand), None
    if request.method == "POST":
        form = CartForm(request.POST, promotions=promotions)
        lines = LineFormSet(_add_rows(request), prefix="line")
        if "more" not in request.POST and all([form.is_valid(), lines.is_valid()]):
            found = _simulated(form, lines, brand, promotions)
    else:
        form = CartForm(initial={"currency": brand.currency}, promotions=promotions)
        lines = LineFormSet(prefix="line", initial=[EMPTY] * ROWS)
    return admin.site.each_context(request) | {
        "title": f"Test a cart of {brand}",
        "brand": brand,
        "form": form,
        "lines": lines,
        "has_promotions": bool(promotions),
        "told": None if found is None else build_context(found),
        "asking_for_rows": "more" in request.POST,
    }


def _add_rows(request: HttpRequest) -> dict[str, Any]:
    """What was posted, with room for more lines when that was asked for."""
    posted = request.POST.dict()
    rows = posted.get("line-TOTAL_FORMS", "")
    if "more" in posted and rows.isdecimal() and len(rows) <= len(str(LineFormSet.max_num)):
        total = min(int(rows), LineFormSet.max_num)
        after = min(total + MORE, LineFormSet.max_num)
        posted["line-TOTAL_FORMS"] = str(after)
        for number in range(total, after):
            posted |= {f"line-{number}-quantity": "1", f"line-{number}-discountable": "on"}
    return posted


def _simulated(form: CartForm, lines: Any, brand: Brand, promotions: list[Any]) -> Simulation | None:
    request = to_cart(form, lines, brand)
    if request is None:
        return None
    customer_id = form.cleaned_data["customer_id"]
    return services.simulate(
        request=request,
        trial=to_simulation(form, promotions, brand),
        brand=brand,
        shopper=get_shopper(customer_id) if customer_id else None,
        at=form.cleaned_data["at"] or timezone.now(),
    )


def build_context(found: Simulation) -> dict[str, Any]:
    """A simulation, ready to be shown."""
    answer, currency = rules.serialize_simulation(found), found.quote.request.cart.currency
    skus = {line.id: line for line in found.quote.request.cart.lines}

    def read(text: str) -> str:
        return explanations.format_amount(text, currency)

    return {
        "sums": [
            ("Before discounts", read(answer["subtotal"])),
            ("Taken off", read(answer["discount_total"])),
            ("Shipping", read(answer["shipping"])),
            ("Total", read(answer["total"])),
        ],
        "lines": [
            {"sku": skus[line["id"]].sku, "quantity": skus[line["id"]].quantity, "number": line["id"]}
            | {name: read(line[name]) for name in ("subtotal", "discount", "total")}
            for line in answer["lines"]
        ],
        "applied": [
            {
                "title": given["title"],
                "code": given.get("code", ""),
                "amount": read(given["amount"]),
                "shares": ", ".join(f"{skus[share['id']].sku}: {read(share['amount'])}" for share in given["lines"]),
                "shipping": read(given["shipping"]) if given["shipping"].strip("0.") else "",
            }
            for given in answer["applied"]
        ],
        "gifts": [f"{gift['quantity']} of {gift['sku']}" for gift in answer["gifts"]],
        "rejected": [(refused["code"], refused["reason"]["detail"]) for refused in answer["rejected"]],
        "next": [
            (best["title"], explanations.humanize(best["missing"]), read(best["amount"]))
            for best in answer["next_best"]
        ],
        "explained": explanations.rows(answer["explain"], currency),
    }
