"""Batch comparison: the same job by one thread, several threads, several processes and a cluster, side by side.

A `Request` says what is compared, `compare` carries it out and yields a `Comparison` whenever something has changed.
docs/COMPARE.md is its page.
"""
