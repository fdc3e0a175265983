"""What a person sees of jobs and the cluster: tables, summaries and reports, each made in one place."""
