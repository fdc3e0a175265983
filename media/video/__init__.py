"""Video: cut into chunks of packets, decoded, filtered and encoded chunk by chunk, spliced into one file."""
