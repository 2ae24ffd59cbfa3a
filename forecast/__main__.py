"""`python -m forecast`."""

from forecast.cli import app

app()
