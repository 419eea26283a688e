"""Search methods, one file each, named as in their papers."""

if __name__ != "nasrepro.methods":  # under a second name, every class here would exist twice
    raise ImportError("the folder methods/ is the package nasrepro.methods: import it by that name")
