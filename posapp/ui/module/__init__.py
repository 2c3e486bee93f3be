"""The security module as people see it: how it stands, what is left, what it is given."""
