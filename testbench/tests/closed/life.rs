//! Parts that die, hang, or have no room.
