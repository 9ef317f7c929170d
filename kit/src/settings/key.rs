//! The keys by which settings are asked for. Each says what its value is read as, and whether there always is one: a wrong
//! name, or a wrong type, does not compile.

use std::marker::PhantomData;

use super::catalogue::{Service, Setting};
use super::kind::As;

pub use super::catalogue::keys::*;

/// A setting with a default: it always has a value, which is read as `T`.
#[derive(Debug, Clone, Copy)]
pub struct Key<T> {
    pub(super) setting: Setting,
    pub(super) default: &'static str,
    read: PhantomData<fn() -> T>,
}

/// A setting without a default: it has a value where somebody has set it, which is read as `T`.
#[derive(Debug, Clone, Copy)]
pub struct Maybe<T> {
    pub(super) setting: Setting,
    read: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    pub(super) const fn new(
        name: &'static str,
        doc: &'static str,
        default: &'static str,
        read: As<T>,
        services: &'static [Service],
    ) -> Self {
        let setting = Setting::new(name, doc, Some(default), read.kind, services);
        Self { setting, default, read: PhantomData }
    }

    /// It becomes this field of the control settings in the log.
    pub(super) const fn recorded(mut self, field: &'static str) -> Self {
        self.setting.record = Some(field);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.setting.name
    }
}

impl<T> Maybe<T> {
    pub(super) const fn new(
        name: &'static str,
        doc: &'static str,
        read: As<T>,
        services: &'static [Service],
    ) -> Self {
        Self { setting: Setting::new(name, doc, None, read.kind, services), read: PhantomData }
    }

    /// Its services do not start without it.
    pub(super) const fn required(mut self) -> Self {
        self.setting.required_by = self.setting.services;
        self
    }

    /// It becomes this field of the control settings in the log.
    pub(super) const fn recorded(mut self, field: &'static str) -> Self {
        self.setting.record = Some(field);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.setting.name
    }
}
