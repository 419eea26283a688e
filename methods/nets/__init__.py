"""What methods share: networks and surrogates."""
