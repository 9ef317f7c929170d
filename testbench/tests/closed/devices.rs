//! Who may be a device, and what one that nobody knows may do.
