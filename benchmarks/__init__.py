"""Benchmarks: every figure beside the limit measured in the same run. Never run as tests."""
