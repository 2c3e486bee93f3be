"""Ways to carry a frame to head office and its answer back; they know nothing of its content."""
