"""What waits for a person at this till, and what may be done about it."""
