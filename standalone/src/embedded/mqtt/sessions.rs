//! Whose sessions there are, and which of them wait for a client that is away. A newcomer for whom there is no room takes
//! the place of the one of its own kind that has been away longest, so that sessions which nobody comes back to keep
//! nobody out. A state machine of its calls: it must not know passwords, topics or how a session is ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmqtt::types::Id;
use schemas::ids::DeviceId;

use super::access::Client;

/// Share of the sessions that is kept for clients with a login, however many guests come.
const LOGIN_SHARE: usize = 4;
/// Sessions of one account.
const ACCOUNT_MAX: usize = 16;

/// Whose sessions are bounded together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    /// All clients without a login.
    Guests,
    /// The account of a device.
    Account(DeviceId),
}

impl Owner {
    /// Our services' sessions are few, and not bounded.
    fn of(client: Client) -> Option<Self> {
        match client {
            Client::Service => None,
            Client::Guest(_) => Some(Self::Guests),
            Client::Device(device) => Some(Self::Account(device)),
        }
    }
}

/// What a newcomer finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is room, or the session is its own already.
    Free,
    /// Once this session, which is not counted any more, is ended.
    InPlaceOf(Id),
    /// None: all sessions of its kind have their clients.
    None,
}

/// All sessions but our services'.
pub(super) struct Sessions {
    max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// By client id.
    sessions: HashMap<Box<str>, Session>,
    owners: HashMap<Owner, Owned>,
    /// How many clients have left so far.
    departures: u64,
}

struct Session {
    owner: Owner,
    /// The connection that has it, or had it last.
    connection: Id,
    /// Which departure its client's was; none while it is connected.
    away: Option<u64>,
}

#[derive(Default)]
struct Owned {
    count: usize,
    /// Client ids of those whose client is away, by departure.
    away: BTreeMap<u64, Box<str>>,
}

impl Sessions {
    /// For so many sessions.
    pub(super) fn new(max: usize) -> Self {
        Self { max, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What room there is for a client that asks to be let in.
    pub(super) fn room_for(&self, client: Client, client_id: &str) -> Room {
        let Some(owner) = Owner::of(client) else { return Room::Free };
        let mut held = self.held();
        if held.sessions.contains_key(client_id) {
            return Room::Free;
        }
        let own_max = match owner {
            Owner::Guests => self.max - self.max / LOGIN_SHARE,
            Owner::Account(_) => ACCOUNT_MAX,
        };
        let leaving = if held.count(&owner) >= own_max {
            held.longest_away(&owner)
        } else if held.sessions.len() >= self.max {
            held.longest_away(&Owner::Guests).or_else(|| held.longest_away(&owner))
        } else {
            return Room::Free;
        };
        let leaving = leaving.and_then(|client_id| held.remove(&client_id));
        leaving.map_or(Room::None, |session| Room::InPlaceOf(session.connection))
    }

    /// A client has been let in on this connection.
    pub(super) fn came(&self, client: Client, connection: &Id) {
        let Some(owner) = Owner::of(client) else { return };
        let mut held = self.held();
        held.remove(&connection.client_id);
        held.owners.entry(owner.clone()).or_default().count += 1;
        let session = Session { owner, connection: connection.clone(), away: None };
        held.sessions.insert((*connection.client_id).into(), session);
    }

    /// A connection is over; its session may wait. Of one that has been followed by another this says nothing.
    pub(super) fn left(&self, connection: &Id) {
        let held = &mut *self.held();
        let Some(session) = held.sessions.get_mut(&*connection.client_id) else { return };
        if session.connection != *connection || session.away.is_some() {
            return;
        }
        held.departures += 1;
        session.away = Some(held.departures);
        let owned = held.owners.entry(session.owner.clone()).or_default();
        owned.away.insert(held.departures, (*connection.client_id).into());
    }

    /// The session that this connection had is over.
    pub(super) fn ended(&self, connection: &Id) {
        let mut held = self.held();
        let session = held.sessions.get(&*connection.client_id);
        if session.is_some_and(|session| session.connection == *connection) {
            held.remove(&connection.client_id);
        }
    }
}

impl Held {
    fn count(&self, owner: &Owner) -> usize {
        self.owners.get(owner).map_or(0, |owned| owned.count)
    }

    /// The client id of the session of this owner whose client has been away longest.
    fn longest_away(&self, owner: &Owner) -> Option<Box<str>> {
        Some(self.owners.get(owner)?.away.first_key_value()?.1.clone())
    }

    fn remove(&mut self, client_id: &str) -> Option<Session> {
        let session = self.sessions.remove(client_id)?;
        if let Some(owned) = self.owners.get_mut(&session.owner) {
            owned.count -= 1;
            if let Some(departure) = session.away {
                owned.away.remove(&departure);
            }
            if owned.count == 0 {
                self.owners.remove(&session.owner);
            }
        }
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guest() -> Client {
        Client::Guest(None)
    }

    fn device(number: usize) -> Client {
        Client::Device(DeviceId::new(&format!("ev-{number}")).expect("an id"))
    }

    /// A connection of this client, different from any other.
    fn connection(client_id: &str, number: u16) -> Id {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], number));
        Id::new(1, 1, None, Some(address), client_id.to_owned().into(), None)
    }

    /// Lets a client in, if there is room; gives whose place it took.
    fn enter(sessions: &Sessions, client: &Client, connection: &Id) -> Result<Option<String>, ()> {
        let room = sessions.room_for(client.clone(), &connection.client_id);
        let left = match room {
            Room::Free => None,
            Room::InPlaceOf(id) => Some(id.client_id.to_string()),
            Room::None => return Err(()),
        };
        sessions.came(client.clone(), connection);
        Ok(left)
    }

    #[test]
    fn who_has_been_away_longest_gives_its_place_up() {
        let sessions = Sessions::new(4);
        let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(|id| connection(id, 1));
        for id in [&a, &b, &c] {
            assert_eq!(enter(&sessions, &guest(), id), Ok(None));
        }
        assert_eq!(enter(&sessions, &guest(), &d), Err(()), "all of them are there");
        assert_eq!(enter(&sessions, &device(1), &connection("ev-1", 1)), Ok(None));
        sessions.left(&b);
        sessions.left(&a);
        assert_eq!(enter(&sessions, &guest(), &d), Ok(Some("b".to_owned())));
        // It is back: there is nobody away then.
        assert_eq!(enter(&sessions, &guest(), &connection("a", 2)), Ok(None));
        assert_eq!(enter(&sessions, &guest(), &e), Err(()));
    }

    #[test]
    fn an_account_displaces_none_but_its_own() {
        let sessions = Sessions::new(1_000);
        let own = |number: usize| connection(&format!("ev-1:{number}"), 1);
        sessions.came(guest(), &connection("a", 1));
        sessions.left(&connection("a", 1));
        for number in 0..ACCOUNT_MAX {
            assert_eq!(enter(&sessions, &device(1), &own(number)), Ok(None));
        }
        assert_eq!(enter(&sessions, &device(1), &own(99)), Err(()));
        assert_eq!(enter(&sessions, &device(2), &connection("ev-2", 1)), Ok(None));
        sessions.left(&own(5));
        assert_eq!(enter(&sessions, &device(1), &own(99)), Ok(Some("ev-1:5".to_owned())));
    }

    #[test]
    fn what_is_said_of_a_connection_that_was_followed_by_another_is_late() {
        let sessions = Sessions::new(4);
        let (first, second) = (connection("a", 1), connection("a", 2));
        sessions.came(guest(), &first);
        sessions.came(guest(), &second);
        sessions.left(&first);
        sessions.ended(&first);
        let held = sessions.held();
        assert!(held.sessions["a"].away.is_none() && held.count(&Owner::Guests) == 1);
        drop(held);
        sessions.ended(&second);
        assert!(sessions.held().sessions.is_empty() && sessions.held().owners.is_empty());
    }

    proptest! {
        /// Whatever comes and goes: the bounds hold, the counts are those of the sessions, and nobody who is there loses
        /// its place.
        #[test]
        fn the_bounds_hold_and_the_counts_are_right(
            max in 4_usize..40,
            steps in prop::collection::vec((0_u8..5, 0_usize..60, 0_usize..4), 0..400),
        ) {
            let sessions = Sessions::new(max);
            let mut connected: HashMap<String, Id> = HashMap::new();
            for (number, (step, name, account)) in steps.into_iter().enumerate() {
                let (client, client_id) = match account {
                    0 => (guest(), format!("g{name}")),
                    _ => (device(account), format!("ev-{account}:{name}")),
                };
                match step {
                    0..=2 => {
                        let new = connection(&client_id, u16::try_from(number).unwrap());
                        if let Ok(left) = enter(&sessions, &client, &new) {
                            prop_assert!(left.is_none_or(|left| !connected.contains_key(&left)));
                            connected.insert(client_id, new);
                        }
                    }
                    3 => if let Some(id) = connected.remove(&client_id) {
                        sessions.left(&id);
                    },
                    _ => if let Some(id) = connected.remove(&client_id) {
                        sessions.ended(&id);
                    },
                }
                let held = sessions.held();
                prop_assert!(held.sessions.len() <= max);
                prop_assert!(held.count(&Owner::Guests) <= max - max / LOGIN_SHARE);
                for (owner, owned) in &held.owners {
                    let own = || held.sessions.values().filter(|session| session.owner == *owner);
                    prop_assert!(*owner == Owner::Guests || owned.count <= ACCOUNT_MAX);
                    prop_assert_eq!(own().count(), owned.count);
                    let away = own().filter(|session| session.away.is_some()).count();
                    prop_assert_eq!(away, owned.away.len());
                }
                prop_assert!(connected.keys().all(|id| held.sessions.contains_key(id.as_str())));
            }
        }
    }
}
