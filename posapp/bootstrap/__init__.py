"""The only rooms that name concrete classes: one file a process."""
