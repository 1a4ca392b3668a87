"""Trains on data.csv, evaluates, predicts and reports: `python -m ml`."""

import os

# threads that wait for each other sleep: spinning, as is OpenMP's custom, makes a fit several times
# slower where other programs use the same cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
