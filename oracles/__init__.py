"""Oracles: benchmark tables and trainers, one file each."""

if __name__ != "nasrepro.oracles":  # under a second name, every class here would exist twice
    raise ImportError("the folder oracles/ is the package nasrepro.oracles: import it by that name")
