"""Who is selling: people, PIN, opening float."""
