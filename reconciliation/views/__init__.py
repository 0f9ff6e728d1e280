"""Pages of reconciliation, a module a subject."""
