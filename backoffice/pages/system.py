"""Admin pages of background tasks and the schedule, for superusers."""

from datetime import datetime
from typing import Any, ClassVar

from celery.schedules import ParseException, crontab_parser
from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.base.admin import SuperuserAdmin, SuperuserReadOnlyAdmin, is_platform_admin
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.filters import StatusFilter
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_number
from core import outbox
from core.models import OutboxMessage

MAX_ERROR_LENGTH = 80
STATUSES = {"pending": _("Pending"), "due": _("Due"), "failed": _("Failed")}


class FailedFilter(StatusFilter):
    """A filter that separates pending tasks from failed ones."""

    statuses = (("pending", STATUSES["pending"]), ("failed", STATUSES["failed"]))

    def get_condition(self, status: str, at: datetime) -> Q:
        return Q(dead_lettered_at__isnull=status == "pending")


@admin.register(OutboxMessage)
class OutboxMessageAdmin(SuperuserReadOnlyAdmin):
    """Background tasks that have not succeeded yet; a failed one waits for an operator."""

    list_display = ("task", "status", "subject", "attempts", "created", "due", "error")
    list_filter = (FailedFilter,)
    search_fields = ("task",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("requeue",)
    fields = ("task", "status_text", "subject", "attempts", "created", "due", "last_error")

    @display(description=_("status"), label={"pending": "info", "due": "warning", "failed": "danger"})
    def status(self, message: OutboxMessage) -> tuple[str, str]:
        status = "due" if message.due_at <= timezone.now() else "pending"
        if message.dead_lettered_at:
            status = "failed"
        return status, str(STATUSES[status])

    @display(description=_("status"))
    def status_text(self, message: OutboxMessage) -> str:
        return str(self.status(message)[1])

    @display(description=_("arguments"))
    def subject(self, message: OutboxMessage) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in message.kwargs.items()) or EMPTY_VALUE

    @display(description=_("created (UTC)"), ordering="created_at")
    def created(self, message: OutboxMessage) -> str:
        return format_datetime(message.created_at, "UTC")

    @display(description=_("due (UTC)"), ordering="due_at")
    def due(self, message: OutboxMessage) -> str:
        return format_datetime(message.due_at, "UTC")

    @display(description=_("last error"))
    def error(self, message: OutboxMessage) -> str:
        text = message.last_error
        return text[:MAX_ERROR_LENGTH] + ("…" if len(text) > MAX_ERROR_LENGTH else "")

    @admin.action(description=_("Retry failed tasks"), permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        count = outbox.requeue(message_ids=list(queryset.values_list("pk", flat=True)))
        text = ngettext("%(count)s task queued again.", "%(count)s tasks queued again.", count)
        messages.success(
            request, text % {"count": format_number(count)} if count else gettext("No failed tasks selected.")
        )

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return is_platform_admin(request)


class ThemedTaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    """A select field of the registered tasks in the style of the theme."""


class ThemedTaskForm(beat.PeriodicTaskForm):
    """The form of a scheduled task in the style of the theme."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = ThemedTaskSelect()


class CrontabForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a crontab schedule, with an error at each invalid part; the model's own validation raises on some."""

    PARTS: ClassVar[dict[str, crontab_parser]] = {
        "minute": crontab_parser(60), "hour": crontab_parser(24), "day_of_month": crontab_parser(31, 1),
        "month_of_year": crontab_parser(12, 1), "day_of_week": crontab_parser(7),
    }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.PARTS.keys() & data.keys():
            try:
                self.PARTS[name].parse(data[name])
            except (ParseException, ValueError) as error:
                self.add_error(name, gettext("Invalid schedule: %(error)s") % {"error": error})
        return data


for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(SuperuserAdmin, beat.PeriodicTaskAdmin):
    """Scheduled tasks."""

    form = ThemedTaskForm
    list_display = ("name", "enabled", "schedule_text", "last_run")
    list_filter = ("enabled", "one_off")
    change_form_template = change_list_template = None  # those of the package contain scripts that the CSP blocks

    @display(description=_("schedule (UTC)"))
    def schedule_text(self, task: PeriodicTask) -> str:
        return str(task.crontab.human_readable if task.crontab else task.scheduler)

    @display(description=_("last run (UTC)"), ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> str:
        return format_datetime(task.last_run_at, "UTC")


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(SuperuserAdmin, beat.CrontabScheduleAdmin):
    """Schedules at times of the day."""

    form = CrontabForm


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(SuperuserAdmin, beat.IntervalScheduleAdmin):
    """Schedules at intervals."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(SuperuserAdmin, beat.ClockedScheduleAdmin):
    """Schedules at one date and time."""


@admin.register(SolarSchedule)
class SolarScheduleAdmin(SuperuserAdmin):
    """Schedules by the position of the sun."""
