"""Admin pages of customers."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.models import Customer
from backoffice.base.admin import SuperuserReadOnlyAdmin
from backoffice.base.changelists import EstimatingPaginator


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
