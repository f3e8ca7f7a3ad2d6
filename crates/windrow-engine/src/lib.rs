//! The engine: source, plan, optimize, operator, run, result.
