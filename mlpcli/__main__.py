"""``python -m mlpcli`` is the same program as ``mlp``."""

from mlpcli.cli import main

if __name__ == "__main__":
    main()
