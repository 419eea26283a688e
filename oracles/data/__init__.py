"""Tables that this project computed or trained itself; shipped with the package."""
