"""Training of the table digits201: layout, shards, table, card."""
