"""Lines or documents in, bytes out: ESC/POS, PNG, plain text, PDF."""
