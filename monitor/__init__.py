"""The spine of Undertone: bus, store, workers, daemon, command line and console."""

__version__ = "0.1.0"
