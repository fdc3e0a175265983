"""The measurements behind `python -m bench.scale`, one a file."""
