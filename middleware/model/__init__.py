"""The state that the rules share. Each class here owns its fields: nobody else writes them."""
