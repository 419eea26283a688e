"""Reports: read the results store and render tables; `study` alone measures before it prints."""

if __name__ != "nasrepro.reports":  # under a second name, every class here would exist twice
    raise ImportError("the folder reports/ is the package nasrepro.reports: import it by that name")
