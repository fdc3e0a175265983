"""Moviola in Python: what `import moviola` exports. docs/PYTHON.md is its page."""
