"""Moviola: filters over video, images and tables, on every core and machine that you own."""
