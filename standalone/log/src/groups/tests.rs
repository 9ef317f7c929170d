//! Groups by hand: who gets an answer when.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tansu_sans_io::ErrorCode;
use tokio::sync::oneshot::Receiver;

use super::group::{Group, Join, Joined, Phase, Synced};
use super::reply::Reply;

const SESSION: Duration = Duration::from_secs(6);
const LATER: Duration = Duration::from_millis(100);

struct World {
    group: Group,
    now: Instant,
}

impl World {
    fn new() -> Self {
        Self { group: Group::default(), now: Instant::now() }
    }

    fn join(&mut self, id: &str, instance: Option<&str>, data: &'static [u8]) -> Receiver<Joined> {
        let (reply, answer) = Reply::new();
        let join = Join {
            member_id: id.to_owned(),
            instance: instance.map(str::to_owned),
            client_id: "c".to_owned(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![("sticky".to_owned(), Bytes::from_static(data))],
            session: SESSION,
            rebalance: Duration::from_secs(60),
            id_required: true,
        };
        self.group.join(join, self.now, reply);
        answer
    }

    fn sync(&mut self, id: &str, generation: i32, to: &[&str]) -> Receiver<Synced> {
        let (reply, answer) = Reply::new();
        let all = to.iter().map(|id| ((*id).to_owned(), Bytes::from((*id).to_owned()))).collect();
        self.group.sync(id, None, generation, all, self.now, reply);
        answer
    }

    fn later(&mut self, by: Duration) {
        self.now += by;
        self.group.tick(self.now);
    }

    fn heartbeat(&mut self, id: &str, generation: i32) -> ErrorCode {
        self.group.heartbeat(id, None, generation, self.now)
    }

    /// An id from the group.
    fn id(&mut self) -> String {
        let given = self.join("", None, b"").try_recv().expect("at once");
        assert_eq!(given.error, ErrorCode::MemberIdRequired);
        given.member_id
    }

    /// Two members that work; the first leads.
    fn two() -> (Self, String, String) {
        let mut world = Self::new();
        let (first, second) = (world.id(), world.id());
        let mut joins = [world.join(&first, None, b""), world.join(&second, None, b"")];
        world.later(LATER);
        let joined = joins.each_mut().map(|answer| answer.try_recv().expect("joined"));
        let generation = joined[0].generation;
        let leader = joined[0].leader.clone();
        let other = if leader == first { second } else { first };
        let mut waits = world.sync(&other, generation, &[]);
        assert!(waits.try_recv().is_err(), "the leader has not assigned");
        let mut leads = world.sync(&leader, generation, &[&leader, &other]);
        assert_eq!(leads.try_recv().expect("assigned").assignment, Bytes::from(leader.clone()));
        assert_eq!(waits.try_recv().expect("assigned").assignment, Bytes::from(other.clone()));
        assert_eq!(world.group.phase(), Phase::Stable);
        (world, leader, other)
    }
}

#[test]
fn members_that_come_together_get_one_generation_and_each_its_work() {
    let (mut world, leader, other) = World::two();
    assert_eq!(world.heartbeat(&leader, 1), ErrorCode::None);
    assert_eq!(world.heartbeat(&other, 1), ErrorCode::None);
    assert_eq!(world.heartbeat(&other, 2), ErrorCode::IllegalGeneration);
    assert_eq!(world.heartbeat("stranger", 1), ErrorCode::UnknownMemberId);
}

#[test]
fn a_third_member_makes_all_join_again() {
    let (mut world, leader, other) = World::two();
    let third = world.id();
    let mut joins = vec![world.join(&third, None, b"")];
    assert_eq!(world.heartbeat(&leader, 1), ErrorCode::RebalanceInProgress);
    joins.push(world.join(&leader, None, b""));
    assert!(joins[0].try_recv().is_err(), "one is missing");
    joins.push(world.join(&other, None, b""));
    for answer in &mut joins {
        let joined = answer.try_recv().expect("joined");
        assert_eq!((joined.error, joined.generation), (ErrorCode::None, 2));
        assert_eq!(joined.members.len(), if joined.member_id == leader { 3 } else { 0 });
    }
}

#[test]
fn a_silent_member_is_put_out_and_its_work_is_anothers() {
    let (mut world, leader, other) = World::two();
    world.later(SESSION - LATER);
    assert_eq!(world.heartbeat(&leader, 1), ErrorCode::None);
    world.later(LATER * 2);
    assert_eq!(world.heartbeat(&leader, 1), ErrorCode::RebalanceInProgress);
    let joined = world.join(&leader, None, b"").try_recv().expect("alone");
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
    assert_eq!(world.heartbeat(&other, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_leaves_is_gone_at_once() {
    let (mut world, leader, other) = World::two();
    assert_eq!(world.group.leave(&other, None, world.now), ErrorCode::None);
    let joined = world.join(&leader, None, b"").try_recv().expect("alone");
    assert_eq!(joined.generation, 2);
    assert_eq!(world.group.leave(&leader, None, world.now), ErrorCode::None);
    assert!(world.group.is_idle());
}

#[test]
fn a_static_member_that_comes_back_has_its_work_again_and_its_former_self_is_fenced() {
    let mut world = World::new();
    let mut first = world.join("", Some("one"), b"");
    let mut second = world.join("", Some("two"), b"");
    world.later(LATER);
    let joined = [&mut first, &mut second].map(|answer| answer.try_recv().expect("joined"));
    let ids = joined.clone().map(|one| one.member_id);
    let leader = joined[0].leader.clone();
    drop(world.sync(&leader, 1, &[&ids[0], &ids[1]]));
    assert_eq!(world.group.phase(), Phase::Stable);
    for (instance, id) in ["one", "two"].into_iter().zip(&ids) {
        let again = world.join("", Some(instance), b"").try_recv().expect("at once");
        assert_eq!((again.error, again.generation), (ErrorCode::None, 1));
        let mut synced = world.sync(&again.member_id, 1, &[]);
        let work = synced.try_recv().expect("at once").assignment;
        assert_eq!(work, Bytes::from(id.clone()), "the work that it had");
        let former = world.group.heartbeat(id, Some(instance), 1, world.now);
        assert_eq!(former, ErrorCode::FencedInstanceId);
    }
}

#[test]
fn positions_are_stored_by_members_of_now_or_by_anybody_where_there_are_none() {
    let (mut world, leader, other) = World::two();
    assert_eq!(world.group.check_commit(&leader, None, 1), Ok(()));
    assert_eq!(world.group.check_commit(&leader, None, 0), Err(ErrorCode::IllegalGeneration));
    assert_eq!(world.group.check_commit("", None, -1), Err(ErrorCode::UnknownMemberId));
    for id in [leader, other] {
        world.group.leave(&id, None, world.now);
    }
    assert_eq!(world.group.check_commit("", None, -1), Ok(()));
}

#[test]
fn a_leader_that_never_assigns_holds_nobody_for_ever() {
    let mut world = World::new();
    let id = world.id();
    let mut joined = world.join(&id, None, b"");
    world.later(LATER);
    assert_eq!(joined.try_recv().expect("joined").leader, id);
    world.later(SESSION + LATER);
    assert!(world.group.is_idle(), "it is silent, and gone");
}
