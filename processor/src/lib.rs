//! derms-processor.
