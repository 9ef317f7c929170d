//! The one table of who may do what. Deny by default: what a role's row does not list, it may not.

use serde::{Deserialize, Serialize};

/// A user's role; each may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Steers.
    Operator,
    /// Removes.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// Its word in tokens and settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Self::Viewer => "a viewer",
            Self::Operator => "an operator",
            Self::Admin => "an admin",
        }
    }
}

/// Something that a field or route lets its caller do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See who one is.
    ReadSelf,
    /// See which parts of the system work.
    ReadHealth,
    /// See feeders and devices, now and in the past.
    ReadFleet,
    /// See demand-response events and programs.
    ReadEvents,
    /// See messages that were refused, as they came.
    ReadDeadLetters,
    /// Create, change and cancel demand-response events.
    ManageEvents,
    /// Create, change, start and stop demand-response programs.
    ManagePrograms,
    /// Set limits, mode, policy and parent of feeders, and resume their control.
    ManageFeeders,
    /// Set, override, approve, retire and replace devices.
    ManageDevices,
    /// Set the simulator's time of day.
    ManageSimulation,
    /// Send telemetry in a device's name.
    SendTelemetry,
    /// Delete demand-response programs.
    DeletePrograms,
    /// Remove feeders.
    RemoveFeeders,
    /// See who changed what.
    ReadAudit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 14] = [
        Self::ReadSelf,
        Self::ReadHealth,
        Self::ReadFleet,
        Self::ReadEvents,
        Self::ReadDeadLetters,
        Self::ManageEvents,
        Self::ManagePrograms,
        Self::ManageFeeders,
        Self::ManageDevices,
        Self::ManageSimulation,
        Self::SendTelemetry,
        Self::DeletePrograms,
        Self::RemoveFeeders,
        Self::ReadAudit,
    ];
}

/// What each role may beyond the lesser ones.
fn row(role: Role) -> &'static [Action] {
    match role {
        Role::Viewer => {
            &[Action::ReadSelf, Action::ReadHealth, Action::ReadFleet, Action::ReadEvents]
        }
        Role::Operator => &[
            Action::ReadDeadLetters,
            Action::ManageEvents,
            Action::ManagePrograms,
            Action::ManageFeeders,
            Action::ManageDevices,
            Action::ManageSimulation,
            Action::SendTelemetry,
        ],
        Role::Admin => &[Action::DeletePrograms, Action::RemoveFeeders, Action::ReadAudit],
    }
}

/// Whether a role may do something.
#[must_use]
pub fn may(role: Role, action: Action) -> bool {
    Role::ALL.into_iter().filter(|lesser| *lesser <= role).any(|role| row(role).contains(&action))
}

/// What somebody is told who may not: which role it takes, and which they have.
#[must_use]
pub fn refusal(role: Role, action: Action) -> String {
    let yours = role.with_article();
    match Role::ALL.into_iter().find(|role| may(*role, action)) {
        Some(needed) => format!("this needs the {} role; you are {yours}", needed.as_str()),
        None => format!("no role may do this; you are {yours}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_all_that_a_lesser_one_may() {
        for action in Action::ALL {
            for pair in Role::ALL.windows(2) {
                assert!(!may(pair[0], action) || may(pair[1], action), "{action:?}");
            }
        }
    }

    #[test]
    fn a_viewer_looks_an_operator_steers_and_an_admin_removes() {
        for action in Action::ALL {
            let looks = matches!(
                action,
                Action::ReadSelf | Action::ReadHealth | Action::ReadFleet | Action::ReadEvents
            );
            let removes = matches!(
                action,
                Action::DeletePrograms | Action::RemoveFeeders | Action::ReadAudit
            );
            assert_eq!(may(Role::Viewer, action), looks, "{action:?}");
            assert_eq!(may(Role::Operator, action), !removes, "{action:?}");
            assert!(may(Role::Admin, action), "{action:?}");
        }
    }

    #[test]
    fn a_refusal_names_both_roles() {
        assert_eq!(
            refusal(Role::Viewer, Action::ManageEvents),
            "this needs the operator role; you are a viewer"
        );
    }
}
