"""Training rows from judged runs: which reply of two is better, with where it comes from on every row."""
