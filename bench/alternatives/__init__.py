"""What people would use instead, each doing the same work on the same cores."""
