"""What keeps metrics from beginning."""

from __future__ import annotations


class MetricsError(Exception):
    """Their port cannot be had."""
