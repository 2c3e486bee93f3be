"""The demonstration's page: it pulls the plugs of a sample town. Real tills have none."""
