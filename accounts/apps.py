from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who: users, brands, memberships, API keys, customers."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import selectors  # noqa: PLC0415  (models are ready only now)
        from promoplatform.kernel.rights import authority  # noqa: PLC0415

        authority.give(selectors.admin_rights)
