"""`python -m recengine`: the command line."""

from recengine.serve.cli import main

if __name__ == "__main__":
    main()
