"""From sources to rows: what people and judges found good becomes a dataset folder."""
