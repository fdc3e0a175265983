"""What speaks to a cluster: one submission from the first dial to the last file. The command line stands on it."""
