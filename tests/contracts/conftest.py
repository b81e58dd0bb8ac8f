"""Objects of two brands, for generated requests."""

from tests.isolation.conftest import World, module_world, shared_world, world

__all__ = ["World", "module_world", "shared_world", "world"]
