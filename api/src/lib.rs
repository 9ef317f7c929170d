//! derms-api.
