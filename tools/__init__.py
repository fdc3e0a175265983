"""What draws and generates pictures and pages of the documentation, and pins the requirements. Never installed."""
