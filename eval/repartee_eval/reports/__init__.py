"""Reports: files that are drawn from results and can always be drawn again."""
