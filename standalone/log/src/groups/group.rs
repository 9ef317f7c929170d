//! One consumer group as a state machine: members join, one of them assigns, all hear of it; who is silent is put out.
//! It does no IO and reads no clock; answers that have to wait are handed out through [`Reply`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tansu_sans_io::ErrorCode;
use uuid::Uuid;

use super::reply::Reply;

/// The first of a group's members waits so long for others before it gets all the work.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const MEMBERS_MAX: usize = 1_000;

/// What a member asks for with its join.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) member_id: String,
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) protocol_type: String,
    /// Names of assignors with the member's own data for each, best first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) session: Duration,
    pub(crate) rebalance: Duration,
    /// The client knows that it must come again with the id that it gets.
    pub(crate) id_required: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) error: ErrorCode,
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) member_id: String,
    /// For the leader: id, instance and data of all.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

impl Joined {
    pub(crate) fn error(error: ErrorCode, member_id: &str) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            member_id: member_id.to_owned(),
            members: Vec::new(),
        }
    }
}

/// The answer to a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) error: ErrorCode,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) assignment: Bytes,
}

impl Synced {
    pub(crate) fn error(error: ErrorCode) -> Self {
        let (protocol_type, protocol) = (String::new(), String::new());
        Self { error, protocol_type, protocol, assignment: Bytes::new() }
    }
}

/// What a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has no members.
    Empty,
    /// Members join until all have, or this time.
    Joining { until: Instant },
    /// The leader assigns, until this time at most.
    Assigning { until: Instant },
    /// Everyone works.
    Stable,
}

#[derive(Debug)]
struct Member {
    instance: Option<String>,
    client_id: String,
    protocols: Vec<(String, Bytes)>,
    session: Duration,
    rebalance: Duration,
    expires: Instant,
    assignment: Bytes,
    joining: Option<Reply<Joined>>,
    syncing: Option<Reply<Synced>>,
}

/// A group.
#[derive(Debug)]
pub(crate) struct Group {
    phase: Phase,
    generation: i32,
    protocol_type: String,
    protocol: String,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Ids given out that have not joined yet.
    pending: BTreeMap<String, Instant>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }
}

impl Group {
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    pub(crate) fn protocol(&self) -> &str {
        &self.protocol
    }

    /// Id, instance, client, data and assignment of each member.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Option<&str>, &str, Bytes, Bytes)> {
        self.members.iter().map(|(id, member)| {
            let data = member.data(&self.protocol);
            let instance = member.instance.as_deref();
            (id.as_str(), instance, member.client_id.as_str(), data, member.assignment.clone())
        })
    }

    /// Whether nothing of it needs to be kept.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    pub(crate) fn join(&mut self, join: Join, now: Instant, reply: Reply<Joined>) {
        if let Err(error) = self.check_join(&join) {
            return reply.send(Joined::error(error, &join.member_id));
        }
        let held = join.instance.as_deref().and_then(|instance| self.holder(instance));
        let id = match (join.member_id.is_empty(), held) {
            (true, Some(old)) => self.replace(&old, &join),
            (true, None) => {
                let id = format!("{}-{}", join.client_id, Uuid::new_v4());
                if join.instance.is_none() && join.id_required {
                    self.pending.insert(id.clone(), now + join.session);
                    return reply.send(Joined::error(ErrorCode::MemberIdRequired, &id));
                }
                id
            }
            (false, _) => join.member_id.clone(),
        };
        self.pending.remove(&id);
        self.protocol_type.clone_from(&join.protocol_type);
        let known = self.members.get(&id);
        let changed = known.is_none_or(|member| member.protocols != join.protocols);
        let leads = self.leader.as_deref() == Some(&id);
        // A member that comes back as it was disturbs nobody; the leader does, as its client may know of new partitions.
        let returns = self.phase == Phase::Stable && !changed;
        let quietly = returns && (!leads || join.member_id.is_empty());
        self.put(&id, join, now);
        if quietly || (matches!(self.phase, Phase::Assigning { .. }) && !changed) {
            return reply.send(self.joined(&id));
        }
        if let Some(member) = self.members.get_mut(&id)
            && let Some(before) = member.joining.replace(reply)
        {
            before.send(Joined::error(ErrorCode::UnknownMemberId, &id));
        }
        self.rebalance(now);
        self.finish_joining(now);
    }

    fn check_join(&self, join: &Join) -> Result<(), ErrorCode> {
        if join.protocols.is_empty() || join.protocol_type.is_empty() {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let others = self.members.iter().filter(|(id, _)| **id != join.member_id);
        let alone = others.clone().next().is_none();
        if !alone && self.protocol_type != join.protocol_type {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let shared = |name: &str| others.clone().all(|(_, one)| one.supports(name));
        if !alone && !join.protocols.iter().any(|(name, _)| shared(name)) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if join.member_id.is_empty() {
            let full = self.members.len() + self.pending.len() >= MEMBERS_MAX;
            return if full { Err(ErrorCode::GroupMaxSizeReached) } else { Ok(()) };
        }
        if self.pending.contains_key(&join.member_id) {
            return Ok(());
        }
        self.check_member(&join.member_id, join.instance.as_deref())
    }

    /// Whether this is a member, under the instance that it says.
    fn check_member(&self, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        let held = instance.and_then(|instance| self.holder(instance));
        if held.is_some_and(|holder| holder != id) {
            return Err(ErrorCode::FencedInstanceId);
        }
        if self.members.contains_key(id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    fn holder(&self, instance: &str) -> Option<String> {
        let mut members = self.members.iter();
        let held = members.find(|(_, member)| member.instance.as_deref() == Some(instance));
        held.map(|(id, _)| id.clone())
    }

    /// A static member has come back: it takes the place of its former self.
    fn replace(&mut self, old: &str, join: &Join) -> String {
        let id = format!("{}-{}", join.instance.as_deref().unwrap_or_default(), Uuid::new_v4());
        if let Some(mut member) = self.members.remove(old) {
            if let Some(joining) = member.joining.take() {
                joining.send(Joined::error(ErrorCode::FencedInstanceId, old));
            }
            if let Some(syncing) = member.syncing.take() {
                syncing.send(Synced::error(ErrorCode::FencedInstanceId));
            }
            self.members.insert(id.clone(), member);
        }
        if self.leader.as_deref() == Some(old) {
            self.leader = Some(id.clone());
        }
        id
    }

    fn put(&mut self, id: &str, join: Join, now: Instant) {
        let member = self.members.entry(id.to_owned()).or_insert_with(|| Member {
            instance: None,
            client_id: String::new(),
            protocols: Vec::new(),
            session: join.session,
            rebalance: join.rebalance,
            expires: now,
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
        });
        member.instance = join.instance;
        member.client_id = join.client_id;
        member.protocols = join.protocols;
        member.session = join.session;
        member.rebalance = join.rebalance;
        member.expires = now + join.session;
    }

    /// Everybody has to join again.
    fn rebalance(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Joining { .. }) {
            return;
        }
        let first = self.phase == Phase::Empty;
        let longest = self.members.values().map(|one| one.rebalance).max().unwrap_or_default();
        let until = now + if first { FIRST_WAIT } else { longest };
        self.phase = Phase::Joining { until };
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(syncing) = member.syncing.take() {
                syncing.send(Synced::error(ErrorCode::RebalanceInProgress));
            }
        }
    }

    /// Goes on when all have joined, or those who have not are out of time.
    fn finish_joining(&mut self, now: Instant) {
        let Phase::Joining { until } = self.phase else {
            return;
        };
        let all = self.members.values().all(|member| member.joining.is_some());
        // The first members wait for others; later ones only for each other, and for ids just given out.
        let complete = all && self.pending.is_empty() && self.generation > 0 && !self.waits_first();
        if !complete && now < until {
            return;
        }
        self.members.retain(|_, member| member.joining.is_some());
        self.waits_first_over();
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.leader = None;
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let led = self.leader.as_ref().is_some_and(|leader| self.members.contains_key(leader));
        if !led {
            self.leader = self.members.keys().next().cloned();
        }
        self.protocol = self.choose_protocol();
        let longest = self.members.values().map(|one| one.rebalance).max().unwrap_or_default();
        self.phase = Phase::Assigning { until: now + longest };
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id);
            if let Some(member) = self.members.get_mut(&id) {
                member.expires = now + member.session;
                if let Some(joining) = member.joining.take() {
                    joining.send(joined);
                }
            }
        }
    }

    fn waits_first(&self) -> bool {
        self.leader.is_none()
    }

    fn waits_first_over(&mut self) {
        if self.leader.as_ref().is_some_and(|leader| !self.members.contains_key(leader)) {
            self.leader = None;
        }
    }

    /// The assignor that all have, by the wish of the leader.
    fn choose_protocol(&self) -> String {
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        let shared = |name: &str| self.members.values().all(|member| member.supports(name));
        leader
            .and_then(|leader| leader.protocols.iter().find(|(name, _)| shared(name)))
            .map(|(name, _)| name.clone())
            .unwrap_or_default()
    }

    fn joined(&self, id: &str) -> Joined {
        let leader = self.leader.clone().unwrap_or_default();
        let members = if leader == id {
            let each = self.members.iter();
            each.map(|(id, one)| (id.clone(), one.instance.clone(), one.data(&self.protocol)))
                .collect()
        } else {
            Vec::new()
        };
        Joined {
            error: ErrorCode::None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader,
            member_id: id.to_owned(),
            members,
        }
    }

    pub(crate) fn sync(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
        assignments: Vec<(String, Bytes)>,
        now: Instant,
        reply: Reply<Synced>,
    ) {
        if let Err(error) = self.check(member_id, instance, generation) {
            return reply.send(Synced::error(error));
        }
        match self.phase {
            Phase::Empty => reply.send(Synced::error(ErrorCode::UnknownMemberId)),
            Phase::Joining { .. } => reply.send(Synced::error(ErrorCode::RebalanceInProgress)),
            Phase::Stable => reply.send(self.synced(member_id)),
            Phase::Assigning { .. } => {
                if let Some(member) = self.members.get_mut(member_id) {
                    member.expires = now + member.session;
                    member.syncing = Some(reply);
                }
                if self.leader.as_deref() == Some(member_id) {
                    self.assign(assignments);
                }
            }
        }
    }

    fn assign(&mut self, assignments: Vec<(String, Bytes)>) {
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let synced = self.synced(&id);
            let syncing = self.members.get_mut(&id).and_then(|member| member.syncing.take());
            if let Some(syncing) = syncing {
                syncing.send(synced);
            }
        }
    }

    fn synced(&self, id: &str) -> Synced {
        let assignment = self.members.get(id).map(|one| one.assignment.clone());
        Synced {
            error: ErrorCode::None,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: assignment.unwrap_or_default(),
        }
    }

    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
        now: Instant,
    ) -> ErrorCode {
        if let Err(error) = self.check(member_id, instance, generation) {
            return error;
        }
        if let Some(member) = self.members.get_mut(member_id) {
            member.expires = now + member.session;
        }
        match self.phase {
            Phase::Joining { .. } => ErrorCode::RebalanceInProgress,
            _ => ErrorCode::None,
        }
    }

    /// Whether a member of the present generation asks.
    fn check(
        &self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        self.check_member(member_id, instance)?;
        if generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    /// Whether a position may be stored. While the group has no members, anybody may who claims no generation.
    pub(crate) fn check_commit(
        &self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        if generation < 0 && member_id.is_empty() && self.members.is_empty() {
            return Ok(());
        }
        self.check(member_id, instance, generation)
    }

    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        now: Instant,
    ) -> ErrorCode {
        let id = match instance.and_then(|instance| self.holder(instance)) {
            Some(holder) if member_id.is_empty() => holder,
            Some(holder) if holder != member_id => return ErrorCode::FencedInstanceId,
            _ => member_id.to_owned(),
        };
        if self.pending.remove(&id).is_some() {
            return ErrorCode::None;
        }
        if self.members.contains_key(&id) {
            self.remove(&id, now);
            ErrorCode::None
        } else {
            ErrorCode::UnknownMemberId
        }
    }

    fn remove(&mut self, id: &str, now: Instant) {
        // Its parked requests are answered by being dropped: the connection is gone, or says so.
        self.members.remove(id);
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.leader = None;
            return;
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = None;
            self.leader = self.members.keys().next().cloned();
        }
        self.rebalance(now);
        self.finish_joining(now);
    }

    /// Does what the time asks for.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.pending.retain(|_, until| *until > now);
        let silent: Vec<String> = self
            .members
            .iter()
            // Who waits for an answer of ours is not silent.
            .filter(|(_, one)| one.joining.is_none() && one.syncing.is_none())
            .filter(|(_, one)| one.expires <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in silent {
            tracing::info!(
                member = id,
                "a member of a consumer group is silent: its work is another's"
            );
            self.remove(&id, now);
        }
        if matches!(self.phase, Phase::Assigning { until } if until <= now) {
            // The leader never assigned: whoever is there joins again.
            self.rebalance(now);
        }
        self.finish_joining(now);
    }
}

impl Member {
    fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    fn data(&self, protocol: &str) -> Bytes {
        let mut protocols = self.protocols.iter();
        protocols
            .find(|(name, _)| name == protocol)
            .map(|(_, data)| data.clone())
            .unwrap_or_default()
    }
}
