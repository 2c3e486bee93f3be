"""What waits for head office, and the state of this till's parts."""
