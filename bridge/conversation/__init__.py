"""Whom the caller talks with, over as many engine sessions as it takes."""
