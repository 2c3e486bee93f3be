"""What people do at the counter: one verb a file, each knowing only `posapp.ports`."""
