"""What middleware and aggregator rest on: payloads in a spool, facts in a ledger."""
