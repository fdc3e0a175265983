"""`moviola doctor`: looks at all that Moviola needs, and says what is wrong and what to do about it."""
