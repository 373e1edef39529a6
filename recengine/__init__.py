"""Recommender systems to see, compare and trust.

>>> import recengine
>>> recengine.__version__
'0.1.0'

Importing the package is cheap: models, compiled kernels and everything that opens the network are imported when
they are first used. `recengine.lab` is the front door; `recengine.registry` names the models.
"""

__version__ = "0.1.0"
