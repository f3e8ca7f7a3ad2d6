//! The Python module `windrow._native`.
