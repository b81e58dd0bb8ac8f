"""The four strategies that enforce the limit of a coupon."""

from coupons.models import Strategy
from coupons.ports import LimitStrategy
from coupons.services.limits.approximate import Approximate
from coupons.services.limits.exact import Exact
from coupons.services.limits.pool import Pool
from coupons.services.limits.sharded import Sharded

LIMITS: dict[str, LimitStrategy] = {
    Strategy.EXACT: Exact(), Strategy.SHARDED: Sharded(), Strategy.POOL: Pool(), Strategy.APPROXIMATE: Approximate(),
}  # fmt: skip
