"""One file per family of benefits; `ready` makes any of them ready to be played."""

from promotions.engine.benefits.family import Gain, Give, Ground
from promotions.engine.benefits.ready import ready

__all__ = ["Gain", "Give", "Ground", "ready"]
