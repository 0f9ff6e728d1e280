"""Bank-originated ACH: the operator's file format (pure), and the rows that go out and come in by it."""
