"""Tests of moviola/engines."""
