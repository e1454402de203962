"""The command `nno-sklearn`."""
