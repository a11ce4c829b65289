"""Run `python -m segan`."""

from segan.cli import main

if __name__ == "__main__":
    main()
