"""Plans that ship with the package."""
