//! Who asks.

use async_graphql::SimpleObject;

use super::enums::Role;
use crate::auth::AuthUser;

/// A user.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct User {
    name: String,
    role: Role,
}

impl From<&AuthUser> for User {
    fn from(user: &AuthUser) -> Self {
        Self { name: user.name.clone(), role: user.role.into() }
    }
}
