"""Search methods, one file each, named as in their papers."""
