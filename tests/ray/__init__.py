"""Real Ray clusters of two nodes, in a network namespace of their own: the suite `ray`."""
