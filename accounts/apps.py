from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who: users, brands, memberships, API keys, customers."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import selectors  # noqa: PLC0415  (models are ready only now)
        from core.permissions import permission_provider  # noqa: PLC0415

        permission_provider.register(selectors.admin_permissions)
