"""The terminal app: the only place that imports textual."""

SMALLEST = (60, 16)
"""Columns and rows that the app needs."""
