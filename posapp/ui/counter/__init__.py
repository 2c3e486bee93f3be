"""What a counter does beside the plain sale: payments, taking back, credit without a price."""
