"""The engine: search spaces, oracles, sessions, plans, the runner, the store.

It knows no method and no table.
"""

if __name__ != "nasrepro.suite":  # under a second name, every class here would exist twice
    raise ImportError("the folder suite/ is the package nasrepro.suite: import it by that name")
