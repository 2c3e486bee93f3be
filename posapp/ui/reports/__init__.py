"""The day: figures, checks, PDF and slip."""
