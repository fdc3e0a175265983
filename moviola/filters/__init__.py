"""What is done to a picture: the contract of a filter, the built-in ones, and their parameters as plain data.

Nothing is imported here, so that a client checks parameters (`moviola.filters.schema`) without loading a codec or
OpenCV.
"""
