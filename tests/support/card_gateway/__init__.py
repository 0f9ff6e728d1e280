"""A second card processor in a process of its own: it speaks the subset of Authorize.Net's JSON API that we use.

It shares the bones of `coverpay.demo.processor` (its store, its HTTP side, its faults) and keeps books of its own.
"""
