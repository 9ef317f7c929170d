//! derms-bridge.
