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
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import services
from accounts.admin.owners import BrandOwnerAdmin
from accounts.models import AcceptanceGrant, Brand
from backoffice.base.columns import datetime_column
from backoffice.base.kinds import KIND_LABELS
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

    class Meta:
        model = AcceptanceGrant
        fields = ("issuer", "acceptor", "kinds")


@admin.register(AcceptanceGrant)
class AcceptanceGrantAdmin(BrandOwnerAdmin):
    """Grants of a brand to others. A grant is ended instead of deleted, and replaced instead of changed."""

    brand_path = "issuer"
    form = GrantForm
    list_display = ("acceptor", "issuer", "kind_labels", *DATES)
    list_filter = (("issuer", admin.RelatedOnlyFieldListFilter),)
    actions = ("end",)
    readonly: ClassVar[tuple[Any, ...]] = ("issuer", "acceptor", "kind_labels", *DATES)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return self.readonly if obj else ("issuer", "acceptor", "kinds")

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
        grant = services.create_grant(issuer=obj.issuer, acceptor=obj.acceptor, kinds=obj.kinds, at=timezone.now())
        obj.pk = grant.pk
