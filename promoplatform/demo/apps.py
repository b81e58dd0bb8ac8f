from django.apps import AppConfig


class DemoConfig(AppConfig):
    """A platform to try: brands, people and live examples of every kind."""

    name = "promoplatform.demo"
    label = "demo"
