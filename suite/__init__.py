"""The engine: search spaces, oracles, sessions, plans, the runner, the store. It knows no method and no table."""
