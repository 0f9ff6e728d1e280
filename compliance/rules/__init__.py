"""Jurisdiction rules: facts with source and confidence, and who decided to use the unverified ones."""
