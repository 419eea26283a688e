"""Published claims, one TOML file per paper."""
