"""What run.sh, stop.sh and test.sh are made of: the environment, the supervised cluster, the demo."""
