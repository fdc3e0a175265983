"""Cutting a video into chunks of packets that decode by themselves."""
