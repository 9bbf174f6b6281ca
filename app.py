"""The web demo: `python app.py` does what `svrag serve` does, with settings from svrag.toml and the environment."""

from __future__ import annotations

import sys

from svrag.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["serve", *sys.argv[1:]]))
