"""Admin pages of mailings, their emails and suppressed addresses, for superusers."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from backoffice.base.admin import SuperuserAdmin, SuperuserReadOnlyAdmin, is_platform_admin
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.columns import datetime_column
from backoffice.base.formatting import EMPTY_VALUE, format_number
from mailings import selectors
from mailings.contracts import MailingStatus, MailStatus
from mailings.models import MAIL_STATUS_CHOICES, Mail, Mailing, Suppression
from mailings.services import sending

COLORS = {
    MailingStatus.PLANNING.value: "info",
    MailingStatus.DONE.value: "success",
    MailStatus.PLANNED.value: "info",
    MailStatus.SENDING.value: "info",
    MailStatus.SENT.value: "success",
    MailStatus.FAILED.value: "danger",
    MailStatus.UNKNOWN.value: "warning",
}

created = datetime_column("created_at", _("created (UTC)"))
sent = datetime_column("sent_at", _("sent (UTC)"))


@admin.register(Mailing)
class MailingAdmin(SuperuserReadOnlyAdmin):
    """Mailings with their progress."""

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_display = ("label", "sender_name", "status_label", created)
    list_filter = ("status", "marketing")
    search_fields = ("key", "sender_name")
    fields = ("label", "key", "sender_name", "marketing", "status", "progress", created)

    def get_readonly_fields(self, request: HttpRequest, obj: Mailing | None = None) -> tuple[Any, ...]:
        return ("label", "progress", created)

    @display(description=_("Mailing"), ordering="mail_type")
    def label(self, mailing: Mailing) -> str:
        return selectors.get_label(mailing)

    @display(description=_("Status"), label=COLORS)
    def status_label(self, mailing: Mailing) -> tuple[str, str]:
        return mailing.status, mailing.get_status_display()

    @display(description=_("Emails by status"))
    def progress(self, mailing: Mailing) -> str:
        labels = dict(MAIL_STATUS_CHOICES)
        counts = selectors.count_by_status(key=mailing.key)
        texts = [f"{labels[status]}: {format_number(count)}" for status, count in sorted(counts.items())]
        return ", ".join(texts) or EMPTY_VALUE


@admin.register(Mail)
class MailAdmin(SuperuserReadOnlyAdmin):
    """Emails and their delivery; failed ones and those of unknown delivery can be resent."""

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_display = ("address", "mailing_label", "status_label", "attempts", sent, "error")
    list_filter = ("status",)
    list_select_related = ("mailing",)
    search_fields = ("=address", "=message_id")
    ordering = ("-id",)
    actions = ("resend",)

    @display(description=_("Status"), label=COLORS)
    def status_label(self, mail: Mail) -> tuple[str, str]:
        return mail.status, mail.get_status_display()

    @display(description=_("Mailing"), ordering="mailing")
    def mailing_label(self, mail: Mail) -> str:
        return selectors.get_label(mail.mailing)

    @action(description=_("Resend… (may deliver duplicates)"), permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        count = sending.resend(mail_ids=list(queryset.values_list("pk", flat=True)), at=timezone.now())
        message = ngettext("%(count)s email queued again.", "%(count)s emails queued again.", count)
        messages.success(request, message % {"count": format_number(count)})

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return is_platform_admin(request)


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A suppressed address, which is stored in lower case."""

    class Meta:
        model = Suppression
        fields = ("address", "sender", "reason", "note")

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).lower()


@admin.register(Suppression)
class SuppressionAdmin(SuperuserAdmin):
    """The suppression list; an address can be added by hand, and deleted when its owner asks for it."""

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_display = ("address", "reason", "sender", created)
    list_filter = ("reason",)
    search_fields = ("=address",)
    form = SuppressionForm

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
