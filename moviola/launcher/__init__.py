"""Code of run.sh, stop.sh and test.sh: makes the environment, starts and stops the cluster, runs the demo."""
