"""The floor of reconciliation: accounts, entries, lines and an opaque source."""
