"""What speaks to a cluster: scripts for its brains, fakes for what they speak to."""
