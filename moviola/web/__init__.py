"""The gateway: an HTTP API of a cluster, for programs that do not speak its wire. It is a client like any other.

`app` makes the application out of one table of routes a module; `problems` has every refusal; `access` says who asks.
Its libraries are those of the extra `web`, which nothing else imports.
"""
