"""Reports: read the results store and render tables; they run nothing."""

if __name__ != "nasrepro.reports":  # under a second name, every class here would exist twice
    raise ImportError("the folder reports/ is the package nasrepro.reports: import it by that name")
