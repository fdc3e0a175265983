"""How Moviola's programs speak: frames, messages, the handshake, and the one selectors loop."""
