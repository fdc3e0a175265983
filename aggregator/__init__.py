"""Collects results, keeps the first of each, and splices them into finished files."""
