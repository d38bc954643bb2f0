"""What the trainers of embedder and reranker share: data, encoders, measuring."""
