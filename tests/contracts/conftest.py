"""The world of two brands, for requests that are made up."""

from tests.isolation.conftest import World, world

__all__ = ["World", "world"]
