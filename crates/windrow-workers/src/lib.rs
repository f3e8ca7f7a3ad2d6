//! Python worker processes: protocol, pool and failures.
