"""Names for the kinds of numpy arrays that the package passes around."""

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float32]
