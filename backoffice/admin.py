"""Registration of the admin pages of the platform itself."""

from django.contrib import admin

from backoffice.base.formatting import EMPTY_VALUE
from backoffice.pages import sync_jobs, system

admin.site.empty_value_display = EMPTY_VALUE  # one dash on all pages

__all__ = ["sync_jobs", "system"]
