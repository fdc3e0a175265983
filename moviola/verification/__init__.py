"""Check whether a finished output is still what was made, by its manifest. docs/MANIFEST.md lists what is compared.

findings    what comes of it, as records
alignment   compares two rows of numbers: which are in place, moved, missing or new. Pure
frames      what is wrong with the frames of a video
sound       what is wrong with its other streams
packets     reads a file's packets, and decodes them
records     pictures of a folder, records of a table: by the hashes of their bytes
sources     whether a source is the one of which an output was made, and what became of each of its frames
verify      all of it
"""
