"""The terminal app: the only place that imports textual."""

SMALLEST = (60, 16)
"""Columns and rows that the app needs."""

LARGEST = (1000, 500)
"""Columns and rows that it draws at most: more than the largest screens have."""
