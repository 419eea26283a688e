"""Reports: read the results store and render tables; they run nothing."""
