"""Statistical forms: rows and columns are conditions over facts, and every figure knows what it counts."""
