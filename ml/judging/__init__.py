"""How predictions are judged: measures, intervals, comparisons, and their printing."""
