"""The command `moviola`."""
