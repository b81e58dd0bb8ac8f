from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Demo data: brands, accounts and live examples of every kind of offer."""

    name = "promoplatform.demo"
    label = "demo"
