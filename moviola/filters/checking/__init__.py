"""Checks for filters: the contract as tests that any filter can be put through, with sample pictures and parameters."""
