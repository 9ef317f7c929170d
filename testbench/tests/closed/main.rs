//! `derms up` as strangers and accidents meet it: a module for each part.

mod api;
mod life;
