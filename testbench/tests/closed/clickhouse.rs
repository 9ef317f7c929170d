//! ClickHouse's HTTP interface.
