"""What tries a filter: the contract as checks, the pictures and settings that it is tried with."""
