//! `derms up` as strangers and accidents meet it: a module for each part. `make security` runs these and the parts' own
//! tests of the same promises; docs/security.md says which test shows which promise.

mod api;
mod clickhouse;
mod devices;
mod life;
mod log;
mod mqtt;
mod truth;
