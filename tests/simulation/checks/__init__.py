"""What must hold at every step of a simulated run and at its end, seen from outside the programs."""
