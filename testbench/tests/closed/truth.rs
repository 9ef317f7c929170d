//! Records that lie, and logs that were made anew.
