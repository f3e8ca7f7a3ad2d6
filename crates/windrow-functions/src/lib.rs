//! A Python function in a plan: its description, its lifted form and its verdict.
