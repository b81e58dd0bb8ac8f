"""Admin pages of customers, with their erasure."""

from collections.abc import Sequence

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import selectors, services
from accounts.adapters import require_fresh_sign_in
from accounts.models import Customer
from backoffice.base.admin import SuperuserReadOnlyAdmin
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.formatting import format_number
from core.errors import DomainError


@admin.register(Customer)
class CustomerAdmin(SuperuserReadOnlyAdmin):
    """Customers of the data platform. The list is never counted exactly, so that it loads at once at any size."""

    list_display = ("customer_id", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("customer_id__startswith",)
    search_help_text = _("Search by customer ID prefix (case-sensitive)")
    ordering = ("-pk",)
    show_full_result_count = False
    paginator = EstimatingPaginator
    fields: Sequence[str] = ("customer_id", "user", "created_at", "erasure")
    readonly_fields: Sequence[str] = ("customer_id", "user", "created_at", "erasure")

    @admin.display(description=_("personal data"))
    def erasure(self, customer: Customer) -> SafeString:
        """Return the link to the page that erases the customer."""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:accounts_customer_erase", args=[customer.pk]), gettext("Erase…")
        )

    def get_urls(self) -> list[URLPattern]:
        erase = path(
            "<int:pk>/erase/",
            self.admin_site.admin_view(require_fresh_sign_in(self.erase)),
            name="accounts_customer_erase",
        )
        return [erase, *super().get_urls()]

    def erase(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what the erasure of a customer will do (GET), or request it (POST)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        customer = get_object_or_404(self.get_queryset(request).select_related("user"), pk=pk)
        page = reverse("admin:accounts_customer_change", args=[pk])
        if request.method == "POST":
            try:
                services.request_erasure(customer_id=customer.customer_id, user=request.user, at=timezone.now())  # type: ignore[arg-type]  # a superuser
            except DomainError as error:
                messages.error(request, error.detail)
                return redirect(page)
            messages.success(request, gettext("The erasure was requested. It takes a few minutes."))
            return redirect("admin:accounts_customer_changelist")
        counts = selectors.count_rows(customer=customer)
        facts = [(gettext("Customer"), customer.customer_id)]
        facts += [(label, format_number(count)) for label, count in counts.items()]
        effect = gettext(
            "What leads to the customer is erased for all brands: the account, addresses, emails, attributes and "
            "metadata. Orders, redemptions and sums stay under a random ID. This can't be undone."
        )
        title = gettext("Erase customer %(customer)s") % {"customer": customer.customer_id}
        return render_confirmation(request, Confirmation(title, facts, effect, _("Erase customer"), page))
