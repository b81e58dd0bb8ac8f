"""One file per family of benefits; `ready` makes any of them ready to be played."""

from promotions.engine.benefits.family import BenefitContext, BenefitFunction, BenefitResult
from promotions.engine.benefits.ready import compile_benefit

__all__ = ["BenefitContext", "BenefitFunction", "BenefitResult", "compile_benefit"]
