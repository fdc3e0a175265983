"""What becomes of everything in a file, told by programs other than the one under test: `python -m tests.fidelity`."""
