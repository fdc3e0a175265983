"""Filters: the contract that each keeps, the built-in ones, and the schemas of their parameters as plain data.

Nothing is imported here, so that a client checks parameters (`moviola.filters.schema`) without loading a codec or
OpenCV.
"""
