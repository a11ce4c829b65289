"""One thin file for each command: options in, one call, one printed result."""
