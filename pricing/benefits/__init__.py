"""One file per family of benefits; `ready` makes any of them ready to be played."""

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.benefits.registry import compile_benefit

__all__ = ["BenefitContext", "BenefitFunction", "BenefitResult", "compile_benefit"]
