"""Bytes: canonical CBOR and Ed25519. Nothing here knows what the bytes mean."""
