"""Front doors to the lab other than the pages: the command line (`cli`)."""
