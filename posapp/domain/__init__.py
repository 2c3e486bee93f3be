"""Values and rules of the counter: money, meters, sales, shifts. Standard library only."""
