"""The Python side of Weft: plans, measures, compares and reports. It reads and writes files only."""

__version__ = "1"
