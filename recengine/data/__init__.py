"""Loading, holding and splitting ratings."""
