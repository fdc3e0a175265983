"""What a worker does with a chunk of a video: decode, filter, encode; and what stages of a chain hand on."""
