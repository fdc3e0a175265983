"""The report of a job: one HTML file that needs nothing else, neither the cluster nor a network.

`gather` asks the cluster and looks at the results; `page` makes the document of what it found, as a pure function.
"""
