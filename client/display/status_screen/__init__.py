"""A cluster on one screen: what is known and the size of the terminal in, lines out. Nothing here draws or waits."""
