"""Objects of two brands, for generated requests."""

from tests.isolation.conftest import World, world

__all__ = ["World", "world"]
