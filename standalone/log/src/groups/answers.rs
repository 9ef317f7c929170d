//! The protocol's requests about groups, and their answers.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tansu_sans_io::delete_groups_response::DeletableGroupResult;
use tansu_sans_io::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use tansu_sans_io::join_group_response::JoinGroupResponseMember;
use tansu_sans_io::leave_group_response::MemberResponse;
use tansu_sans_io::list_groups_response::ListedGroup;
use tansu_sans_io::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use tansu_sans_io::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use tansu_sans_io::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    ErrorCode, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, ListGroupsResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest,
    SyncGroupResponse,
};

use super::Groups;
use super::group::{Group, Join, Joined, Phase, Synced};
use super::reply::Reply;
use crate::metrics;
use crate::store::{Position, Positions};

const SESSION_MIN_MS: i32 = 500;
const SESSION_MAX_MS: i32 = 1_800_000;
/// From this version on a client comes again with the id that it is given.
const ID_REQUIRED_FROM: i16 = 4;
const METADATA_BYTES_MAX: usize = 4096;

impl Groups {
    /// A member wants to work.
    pub async fn join(
        &self,
        request: JoinGroupRequest,
        client: Option<&str>,
        version: i16,
    ) -> JoinGroupResponse {
        let error = |error| answer_join(Joined::error(error, &request.member_id), version);
        if request.group_id.is_empty() {
            return error(ErrorCode::InvalidGroupId);
        }
        if !(SESSION_MIN_MS..=SESSION_MAX_MS).contains(&request.session_timeout_ms) {
            return error(ErrorCode::InvalidSessionTimeout);
        }
        let rebalance = request.rebalance_timeout_ms.unwrap_or(request.session_timeout_ms);
        let protocols = request.protocols.iter().flatten();
        let join = Join {
            member_id: request.member_id.clone(),
            instance: request.group_instance_id.clone(),
            client_id: client.unwrap_or("client").to_owned(),
            protocol_type: request.protocol_type.clone(),
            protocols: protocols.map(|one| (one.name.clone(), one.metadata.clone())).collect(),
            session: millis(request.session_timeout_ms),
            rebalance: millis(rebalance.clamp(1, SESSION_MAX_MS)),
            id_required: version >= ID_REQUIRED_FROM,
        };
        let (reply, answer) = Reply::new();
        let taken = self.with(&request.group_id, |group, now| group.join(join, now, reply));
        if taken.is_none() {
            return error(ErrorCode::GroupMaxSizeReached);
        }
        match answer.await {
            Ok(joined) => answer_join(joined, version),
            Err(_) => error(ErrorCode::UnknownMemberId),
        }
    }

    /// A member wants to know its work; the leader brings all members'.
    pub async fn sync(&self, request: SyncGroupRequest) -> SyncGroupResponse {
        let assignments = request.assignments.unwrap_or_default().into_iter();
        let assignments = assignments.map(|one| (one.member_id, one.assignment)).collect();
        let (reply, answer) = Reply::new();
        let instance = request.group_instance_id.as_deref();
        self.with(&request.group_id, |group, now| {
            let (member, generation) = (&request.member_id, request.generation_id);
            group.sync(member, instance, generation, assignments, now, reply);
        });
        let synced = answer.await.unwrap_or_else(|_| Synced::error(ErrorCode::UnknownMemberId));
        SyncGroupResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(synced.error.into())
            .protocol_type(Some(synced.protocol_type))
            .protocol_name(Some(synced.protocol))
            .assignment(synced.assignment)
    }

    /// A member is alive.
    pub fn heartbeat(&self, request: &HeartbeatRequest) -> HeartbeatResponse {
        let instance = request.group_instance_id.as_deref();
        let error = self.with(&request.group_id, |group, now| {
            group.heartbeat(&request.member_id, instance, request.generation_id, now)
        });
        let error = error.unwrap_or(ErrorCode::UnknownMemberId);
        HeartbeatResponse::default().throttle_time_ms(Some(0)).error_code(error.into())
    }

    /// Members end.
    pub fn leave(&self, request: LeaveGroupRequest) -> LeaveGroupResponse {
        let one = request.member_id.map(|id| (id, None));
        let several = request.members.unwrap_or_default().into_iter();
        let several = several.map(|member| (member.member_id, member.group_instance_id));
        let results: Vec<_> = one
            .into_iter()
            .chain(several)
            .map(|(id, instance)| {
                let error = self
                    .with(&request.group_id, |group, now| {
                        group.leave(&id, instance.as_deref(), now)
                    })
                    .unwrap_or(ErrorCode::UnknownMemberId);
                MemberResponse::default()
                    .member_id(id)
                    .group_instance_id(instance)
                    .error_code(error.into())
            })
            .collect();
        // The older form has one member, and its error stands for the whole.
        let whole = match results.first() {
            Some(only) if results.len() == 1 => only.error_code,
            _ => ErrorCode::None.into(),
        };
        LeaveGroupResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(whole)
            .members(Some(results))
    }

    /// Stores positions.
    pub fn commit(&self, request: OffsetCommitRequest) -> OffsetCommitResponse {
        let member = request.member_id.unwrap_or_default();
        let instance = request.group_instance_id.as_deref();
        let generation = request.generation_id_or_member_epoch.unwrap_or(-1);
        let allowed = self
            .with(&request.group_id, |group, _| group.check_commit(&member, instance, generation))
            .unwrap_or(Err(ErrorCode::GroupMaxSizeReached));
        let topics = request.topics.unwrap_or_default().into_iter().map(|topic| {
            let partitions = topic.partitions.unwrap_or_default().into_iter().map(|one| {
                let index = one.partition_index;
                let position =
                    Position { offset: one.committed_offset, metadata: one.committed_metadata };
                let stored = allowed
                    .and_then(|()| self.put(&request.group_id, &topic.name, index, position));
                OffsetCommitResponsePartition::default()
                    .partition_index(index)
                    .error_code(stored.err().unwrap_or(ErrorCode::None).into())
            });
            let partitions = partitions.collect();
            OffsetCommitResponseTopic::default().name(topic.name).partitions(Some(partitions))
        });
        OffsetCommitResponse::default().throttle_time_ms(Some(0)).topics(Some(topics.collect()))
    }

    fn put(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        position: Position,
    ) -> Result<(), ErrorCode> {
        if self.store.partition(topic, partition).is_none() {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        if position.metadata.as_ref().is_some_and(|text| text.len() > METADATA_BYTES_MAX) {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        self.store.put_position(group, topic, partition, position).map_err(|error| disk(&error))
    }

    /// Positions of one group or several.
    pub fn positions(&self, request: OffsetFetchRequest) -> OffsetFetchResponse {
        let response = OffsetFetchResponse::default().throttle_time_ms(Some(0));
        if let Some(groups) = request.groups {
            let answers = groups.into_iter().map(|group| {
                let asked = group.topics.map(|topics| {
                    let each = topics.into_iter();
                    each.map(|one| (one.name, one.partition_indexes.unwrap_or_default())).collect()
                });
                let topics = by_topic(&self.store.positions(&group.group_id), asked);
                OffsetFetchResponseGroup::default()
                    .group_id(group.group_id)
                    .topics(Some(topics.into_iter().map(newer_topic).collect()))
                    .error_code(ErrorCode::None.into())
            });
            return response.groups(Some(answers.collect()));
        }
        let asked = request.topics.map(|topics| {
            let each = topics.into_iter();
            each.map(|one| (one.name, one.partition_indexes.unwrap_or_default())).collect()
        });
        let stored = self.store.positions(request.group_id.as_deref().unwrap_or_default());
        let topics = by_topic(&stored, asked).into_iter().map(older_topic).collect();
        response.topics(Some(topics)).error_code(Some(ErrorCode::None.into()))
    }

    /// All groups there are.
    pub fn list(&self) -> ListGroupsResponse {
        let mut known: BTreeMap<String, (String, &'static str)> = self
            .store
            .with_contents(|contents| contents.groups.keys().cloned().collect::<Vec<_>>())
            .into_iter()
            .map(|name| (name, (String::new(), "Empty")))
            .collect();
        for (name, group) in self.all().iter() {
            known.insert(name.clone(), (group.protocol_type().to_owned(), state(group)));
        }
        let groups = known.into_iter().map(|(name, (protocol_type, state))| {
            ListedGroup::default()
                .group_id(name)
                .protocol_type(protocol_type)
                .group_state(Some(state.to_owned()))
                .group_type(Some("classic".to_owned()))
        });
        ListGroupsResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(ErrorCode::None.into())
            .groups(Some(groups.collect()))
    }

    /// Groups in detail.
    pub fn describe(&self, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
        let groups = self.all();
        let described = request.groups.unwrap_or_default().into_iter().map(|name| {
            let group = groups.get(&name);
            let members = group.into_iter().flat_map(Group::members).map(described_member);
            let stored = self.store.with_contents(|contents| contents.groups.contains_key(&name));
            let state = match group {
                Some(group) => state(group),
                None if stored => "Empty",
                None => "Dead",
            };
            DescribedGroup::default()
                .error_code(ErrorCode::None.into())
                .group_state(state.to_owned())
                .protocol_type(group.map_or("", Group::protocol_type).to_owned())
                .protocol_data(group.map_or("", Group::protocol).to_owned())
                .members(Some(members.collect()))
                .authorized_operations(Some(i32::MIN))
                .group_id(name)
        });
        DescribeGroupsResponse::default()
            .throttle_time_ms(Some(0))
            .groups(Some(described.collect()))
    }

    /// Deletes groups that have no members.
    pub fn delete(&self, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
        let results = request.groups_names.unwrap_or_default().into_iter().map(|name| {
            let error = if self.all().contains_key(&name) {
                ErrorCode::NonEmptyGroup
            } else {
                match self.store.delete_group(&name) {
                    Ok(true) => ErrorCode::None,
                    Ok(false) => ErrorCode::GroupIdNotFound,
                    Err(error) => disk(&error),
                }
            };
            DeletableGroupResult::default().group_id(name).error_code(error.into())
        });
        DeleteGroupsResponse::default().throttle_time_ms(0).results(Some(results.collect()))
    }
}

fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// The client tries again after this one.
fn disk(error: &io::Error) -> ErrorCode {
    metrics::DISK_FAILED.inc();
    tracing::warn!(%error, "the log cannot store a position");
    ErrorCode::CoordinatorNotAvailable
}

fn state(group: &Group) -> &'static str {
    match group.phase() {
        Phase::Empty => "Empty",
        Phase::Joining { .. } => "PreparingRebalance",
        Phase::Assigning { .. } => "CompletingRebalance",
        Phase::Stable => "Stable",
    }
}

fn described_member(
    (id, instance, client, data, assignment): (&str, Option<&str>, &str, Bytes, Bytes),
) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .member_id(id.to_owned())
        .group_instance_id(instance.map(str::to_owned))
        .client_id(client.to_owned())
        .client_host(String::new())
        .member_metadata(data)
        .member_assignment(assignment)
}

fn answer_join(joined: Joined, version: i16) -> JoinGroupResponse {
    /// Before this version these texts may not be missing.
    const NULLABLE_FROM: i16 = 7;
    let text = |text: String| Some(text).filter(|text| !text.is_empty() || version < NULLABLE_FROM);
    let members = joined.members.into_iter().map(|(id, instance, data)| {
        JoinGroupResponseMember::default().member_id(id).group_instance_id(instance).metadata(data)
    });
    JoinGroupResponse::default()
        .throttle_time_ms(Some(0))
        .error_code(joined.error.into())
        .generation_id(joined.generation)
        .protocol_type(text(joined.protocol_type))
        .protocol_name(text(joined.protocol))
        .leader(joined.leader)
        .skip_assignment(Some(false))
        .member_id(joined.member_id)
        .members(Some(members.collect()))
}

type ByTopic = BTreeMap<String, Vec<(i32, Option<Position>)>>;

/// The positions that are asked for; all where none are named.
fn by_topic(stored: &Positions, asked: Option<Vec<(String, Vec<i32>)>>) -> ByTopic {
    let mut topics = ByTopic::new();
    let Some(asked) = asked else {
        for ((topic, partition), position) in stored {
            topics.entry(topic.clone()).or_default().push((*partition, Some(position.clone())));
        }
        return topics;
    };
    for (topic, partitions) in asked {
        for partition in partitions {
            let position = stored.get(&(topic.clone(), partition)).cloned();
            topics.entry(topic.clone()).or_default().push((partition, position));
        }
    }
    topics
}

/// Offset and text; -1 where there is none.
fn parts(position: Option<Position>) -> (i64, Option<String>) {
    position.map_or((-1, Some(String::new())), |position| {
        (position.offset, Some(position.metadata.unwrap_or_default()))
    })
}

fn older_topic(
    (name, partitions): (String, Vec<(i32, Option<Position>)>),
) -> OffsetFetchResponseTopic {
    let partitions = partitions.into_iter().map(|(index, position)| {
        let (offset, metadata) = parts(position);
        OffsetFetchResponsePartition::default()
            .partition_index(index)
            .committed_offset(offset)
            .committed_leader_epoch(Some(-1))
            .metadata(metadata)
            .error_code(ErrorCode::None.into())
    });
    OffsetFetchResponseTopic::default().name(name).partitions(Some(partitions.collect()))
}

fn newer_topic(
    (name, partitions): (String, Vec<(i32, Option<Position>)>),
) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, position)| {
        let (offset, metadata) = parts(position);
        OffsetFetchResponsePartitions::default()
            .partition_index(index)
            .committed_offset(offset)
            .committed_leader_epoch(-1)
            .metadata(metadata)
            .error_code(ErrorCode::None.into())
    });
    OffsetFetchResponseTopics::default().name(name).partitions(Some(partitions.collect()))
}
