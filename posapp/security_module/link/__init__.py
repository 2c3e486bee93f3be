"""The public line between a till and a module: frames, messages, ports. Used by both ends."""
