//! Run ids, states and events: what every view of a run reads.
