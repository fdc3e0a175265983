"""The real programs on a simulated network, clock and disk: everything that happens comes from one seed."""
