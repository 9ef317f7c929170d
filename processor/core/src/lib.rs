//! control-core.
