"""Schedules and invoices of many policies at once, row for row what the one-by-one commands write.

A chunk is read by a few queries, worked out in memory and written by COPY. A policy that is in any way unusual (payor
shares, an account's bill, money waiting to be applied, an amount under the plan's low bill) is left to the one-by-one
path: `schedules.create` and `invoices.issue`.
"""

from billing.bulk.invoices import Issued, issue_due
from billing.bulk.schedules import create_schedules

__all__ = ["Issued", "create_schedules", "issue_due"]
