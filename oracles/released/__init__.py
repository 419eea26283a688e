"""Networks that papers released, as architectures of spaces that count: one file per paper."""
