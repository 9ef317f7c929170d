//! device-model.
