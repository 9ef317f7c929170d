//! derms-sim.
