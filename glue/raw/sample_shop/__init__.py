"""An invented grocery shop in the exact shape of the Instacart 2017 files."""
