"""Admin pages of grants between brands."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts import services
from accounts.admin.owners import BrandOwnerAdmin
from accounts.models import AcceptanceGrant, Brand
from backoffice.base.columns import datetime_column
from backoffice.base.form_fields import TextFormField, add_service_errors
from backoffice.base.formatting import format_totals
from backoffice.base.kinds import KIND_LABELS
from core.budgets import parse_budgets
from core.errors import InvalidRequest
from core.permissions import BrandPermissions

DATES = (
    datetime_column("created_at", _("created"), brand="issuer"),
    datetime_column("ended_at", _("ended"), brand="issuer"),
)


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new grant."""

    kinds = forms.MultipleChoiceField(
        choices=list(KIND_LABELS.items()), label=_("Kinds of offer"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    amount_per_month = TextFormField(
        label=_("Maximum discount per month"), required=False, max_length=20, widget=UnfoldAdminTextInputWidget(),
        help_text=_("In the currency of the brand. Example: 1000.00. Leave blank for no maximum."),
    )  # fmt: skip

    class Meta:
        model = AcceptanceGrant
        fields = ("issuer", "acceptor", "kinds")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        issuer = data.get("issuer")
        if issuer is not None and data.get("amount_per_month"):
            try:
                parse_budgets(data["amount_per_month"], currency=issuer.currency)
            except InvalidRequest as error:
                add_service_errors(self, error, {}, "amount_per_month")
        return data


@admin.register(AcceptanceGrant)
class AcceptanceGrantAdmin(BrandOwnerAdmin):
    """Grants of a brand to others. A grant is ended instead of deleted, and replaced instead of changed."""

    brand_path = "issuer"
    form = GrantForm
    list_display = ("acceptor", "issuer", "kind_labels", "maximum", *DATES)
    list_filter = (("issuer", admin.RelatedOnlyFieldListFilter),)
    actions = ("end",)
    readonly: ClassVar[tuple[Any, ...]] = ("issuer", "acceptor", "kind_labels", "maximum", *DATES)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return self.readonly if obj else ("issuer", "acceptor", "kinds", "amount_per_month")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return self.readonly if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "acceptor":
            field.queryset = Brand.objects.filter(is_active=True)  # any brand, not only those of the user
        return field

    @display(description=_("kinds of offer"))
    def kind_labels(self, grant: AcceptanceGrant) -> str:
        return ", ".join(str(KIND_LABELS.get(kind, kind)) for kind in grant.kinds)

    @display(description=_("maximum per month"))
    def maximum(self, grant: AcceptanceGrant) -> str:
        return format_totals(grant.max_per_month)

    @admin.action(description=_("End"))
    def end(self, request: HttpRequest, queryset: QuerySet[AcceptanceGrant]) -> None:
        for grant in queryset:
            services.end_grant(grant=grant, at=timezone.now())
        self.message_user(request, gettext("Grants ended."))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not self.has_brand_permission(request, BrandPermissions.OWN, obj):
            raise PermissionDenied
        grant = services.create_grant(
            issuer=obj.issuer, acceptor=obj.acceptor, kinds=obj.kinds,
            max_per_month=form.cleaned_data["amount_per_month"] or None, at=timezone.now(),
        )  # fmt: skip
        obj.pk = grant.pk
