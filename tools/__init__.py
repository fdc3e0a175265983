"""Commands that generate pages and pictures of the documentation, and pin the requirements. Never installed."""
