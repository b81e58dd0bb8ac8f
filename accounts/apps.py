from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who: users, brands, memberships, API keys, customers."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
