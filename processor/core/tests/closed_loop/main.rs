//! The core in a closed loop: simulated devices, a bad network, a virtual clock, one seed. What is checked after every
//! step is written from docs/control.md, not from the core's code.

mod broken;
mod device;
mod docs;
mod guarantees;
mod ladder;
mod lifecycle;
mod modes;
mod policies;
mod properties;
mod reality;
mod recorded;
mod reference;
mod scenes;
mod wild;
mod world;
