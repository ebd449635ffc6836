"""Neural networks from the dot product up: every module is written by a chapter."""

__version__ = "0.1.0"
