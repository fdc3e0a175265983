"""The broker: accepts jobs, hands out tasks, tracks every worker's progress. It never decodes a pixel."""
