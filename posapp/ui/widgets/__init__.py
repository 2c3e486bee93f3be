"""The small parts every page is built from; each draws itself from the theme's tokens."""
