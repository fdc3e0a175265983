"""Pictures in files: a chunk is some of them as they are, a result the processed ones."""
