"""Character cards as files: bytes in, bytes out, nothing lost. No file I/O."""
