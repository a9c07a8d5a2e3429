"""Where alerts go: each channel delivers one message and says how it went, as a value."""
