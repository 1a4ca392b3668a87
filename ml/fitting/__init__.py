"""How models are fitted: folds, boosted trees, calibration, explanations, memory."""
