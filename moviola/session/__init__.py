"""The client side of the protocol: submits jobs, follows them and fetches their files. The command line uses it."""
