from allauth.account.apps import AccountConfig
from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, brands, memberships, API keys and customers."""

    name = "accounts"
    default = True
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import selectors  # noqa: PLC0415  (models aren't loaded earlier)
        from core.permissions import permission_provider, rights_provider  # noqa: PLC0415

        permission_provider.register(selectors.admin_permissions)
        rights_provider.register(selectors.list_rights)


class AllauthAccountConfig(AccountConfig):  # type: ignore[misc]
    """The sign-in steps of django-allauth, of which second factors are one.

    Without the check that its middleware is installed: ``BrowserAccountMiddleware`` is, so that API clients skip it.
    """

    def ready(self) -> None:
        from allauth.account import checks  # noqa: F401, PLC0415
