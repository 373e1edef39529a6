"""Models, one family a file; `recengine.registry` names them."""
