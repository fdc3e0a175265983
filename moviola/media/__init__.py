"""The kinds of material a job can be made of; each is cut, worked on and put together again on plain data."""
