"""Reading a video file: its clocks, packets and streams, and what of it is damaged."""
