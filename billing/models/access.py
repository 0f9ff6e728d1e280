"""Who sees billing rows that belong to a policy."""

from __future__ import annotations

from compliance.access import Access
from compliance.permissions import Permission

THROUGH_POLICY = Access(
    operator="policy__operator_id",
    reader="policy__participants__organization_id",
    permission=Permission.BILLING_READ,
)
