"""Bytes in, bytes out: containers and ciphers, without I/O."""
