"""Registration of the admin pages of the platform itself."""

from backoffice.pages import sync_jobs, system

__all__ = ["sync_jobs", "system"]
