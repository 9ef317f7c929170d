//! testbench.
