"""CSV tables: whole records are carried, filtered, joined to the movies that were kept, and written as JSON."""
