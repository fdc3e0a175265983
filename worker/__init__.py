"""The worker: decodes, filters and encodes one task at a time."""
