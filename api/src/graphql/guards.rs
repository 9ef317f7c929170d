//! The one guard: a field names an action, the policy says who may.

use async_graphql::{Context, Guard, Result};

use super::Source;
use super::errors::Code;
use crate::auth::{Action, AuthUser, policy};
use crate::store::operator::Actor;

/// Lets through who may do `0`.
pub(super) struct Can(pub(super) Action);

impl Guard for Can {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        let user = user(ctx)?;
        if policy::may(user.role, self.0) {
            Ok(())
        } else {
            Err(Code::Forbidden.error(policy::refusal(user.role, self.0)))
        }
    }
}

/// Who asks.
///
/// # Errors
/// UNAUTHENTICATED when nobody has proved who they are.
pub(super) fn user<'a>(ctx: &Context<'a>) -> Result<&'a AuthUser> {
    ctx.data_opt::<AuthUser>().ok_or_else(|| {
        Code::Unauthenticated.error(
            "log in first: send the token of POST /api/auth/login as \"Authorization: Bearer …\"",
        )
    })
}

/// Who changes something, and from where.
///
/// # Errors
/// As [`user`].
pub(super) fn actor(ctx: &Context<'_>) -> Result<Actor> {
    let source = ctx.data_opt::<Source>().map(|source| source.0);
    Ok(Actor { name: user(ctx)?.name.clone(), source })
}
