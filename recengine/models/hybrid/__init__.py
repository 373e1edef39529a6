"""Models made of models: the seven kinds of hybrid of Burke, "Hybrid Recommender Systems" (UMUAI 2002)."""
