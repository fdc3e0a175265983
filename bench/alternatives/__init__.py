"""A benchmark: Moviola beside what people would use instead, on the same video, filter, encoder and cores."""
