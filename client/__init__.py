"""What a person types: send a source, look at the cluster, list the filters."""
