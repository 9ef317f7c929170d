//! derms-engine.
