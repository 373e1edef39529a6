"""Networks, in PyTorch, and the one loop that trains them. Imported only when a network is used."""

import os

# Read when PyTorch is loaded. Threads that spin while they wait for each other starve on a processor that others use
# too: two of them on two busy cores took a hundred times as long to train a small network.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
