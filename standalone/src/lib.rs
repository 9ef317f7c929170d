//! derms.
