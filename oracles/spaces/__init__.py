"""Search spaces: encoding, canonical form, neighbours, networks. One file per space."""
