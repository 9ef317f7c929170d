//! Which topics there are, how they are kept, and that this one server is everything to everyone.

use std::collections::BTreeMap;

use tansu_sans_io::create_topics_request::CreatableTopic;
use tansu_sans_io::create_topics_response::CreatableTopicResult;
use tansu_sans_io::delete_topics_response::DeletableTopicResult;
use tansu_sans_io::describe_cluster_response::DescribeClusterBroker;
use tansu_sans_io::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use tansu_sans_io::find_coordinator_response::Coordinator;
use tansu_sans_io::incremental_alter_configs_request::AlterConfigsResource;
use tansu_sans_io::incremental_alter_configs_response::AlterConfigsResourceResponse;
use tansu_sans_io::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use tansu_sans_io::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    DescribeClusterRequest, DescribeClusterResponse, DescribeConfigsRequest,
    DescribeConfigsResponse, ErrorCode, FindCoordinatorRequest, FindCoordinatorResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, MetadataRequest,
    MetadataResponse,
};
use uuid::Uuid;

use super::Shared;
use crate::metrics;
use crate::store::{CONFIGS, Topic, TopicError};

const NODE: i32 = 1;
/// Partitions of a topic whose maker does not care.
const PARTITIONS: i32 = 1;
const TOPIC_RESOURCE: i8 = 2;
/// Where a setting's value comes from.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_DEFAULT: i8 = 5;
const TYPE_TEXT: i8 = 2;
/// How a setting is changed.
const SET: i8 = 0;
const UNSET: i8 = 1;

/// The protocol's word for a refusal.
pub(super) fn code(error: &TopicError) -> ErrorCode {
    match error {
        TopicError::Exists => ErrorCode::TopicAlreadyExists,
        TopicError::Unknown => ErrorCode::UnknownTopicOrPartition,
        TopicError::Name => ErrorCode::InvalidTopicException,
        TopicError::Partitions => ErrorCode::InvalidPartitions,
        TopicError::Config(_) => ErrorCode::InvalidConfig,
        TopicError::Disk(_) | TopicError::Damaged(_) => {
            metrics::DISK_FAILED.inc();
            tracing::warn!(%error, "the log cannot change its topics");
            ErrorCode::KafkaStorageError
        }
    }
}

/// All topics, or those that are asked for.
pub(super) fn metadata(shared: &Shared, request: MetadataRequest) -> MetadataResponse {
    let broker = MetadataResponseBroker::default()
        .node_id(NODE)
        .host(shared.address.ip().to_string())
        .port(i32::from(shared.address.port()))
        .rack(None);
    let (cluster, topics) = shared.store.with_contents(|contents| {
        let all = || contents.topics.iter().map(|(name, topic)| described(name, topic)).collect();
        let topics = match request.topics {
            None => all(),
            Some(asked) => asked
                .into_iter()
                .map(|one| {
                    let id = Uuid::from_bytes(one.topic_id.unwrap_or_default());
                    let found = match &one.name {
                        Some(name) => contents.topics.get_key_value(name),
                        None => contents.topics.iter().find(|(_, topic)| topic.id == id),
                    };
                    found.map_or_else(
                        || unknown(one.name.clone(), id),
                        |(name, topic)| described(name, topic),
                    )
                })
                .collect::<Vec<_>>(),
        };
        (contents.id.to_string(), topics)
    });
    MetadataResponse::default()
        .throttle_time_ms(Some(0))
        .brokers(Some(vec![broker]))
        .cluster_id(Some(cluster))
        .controller_id(Some(NODE))
        .topics(Some(topics))
        .cluster_authorized_operations(Some(i32::MIN))
}

fn described(name: &str, topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions).map(|index| {
        MetadataResponsePartition::default()
            .error_code(ErrorCode::None.into())
            .partition_index(index)
            .leader_id(NODE)
            .leader_epoch(Some(-1))
            .replica_nodes(Some(vec![NODE]))
            .isr_nodes(Some(vec![NODE]))
            .offline_replicas(Some(Vec::new()))
    });
    MetadataResponseTopic::default()
        .error_code(ErrorCode::None.into())
        .name(Some(name.to_owned()))
        .topic_id(Some(topic.id.into_bytes()))
        .is_internal(Some(false))
        .partitions(Some(partitions.collect()))
        .topic_authorized_operations(Some(i32::MIN))
}

fn unknown(name: Option<String>, id: Uuid) -> MetadataResponseTopic {
    let error =
        if name.is_some() { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::UnknownTopicId };
    MetadataResponseTopic::default()
        .error_code(error.into())
        .name(Some(name.unwrap_or_default()))
        .topic_id(Some(id.into_bytes()))
        .is_internal(Some(false))
        .partitions(Some(Vec::new()))
        .topic_authorized_operations(Some(i32::MIN))
}

/// The cluster: this one.
pub(super) fn cluster(
    shared: &Shared,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let broker = DescribeClusterBroker::default()
        .broker_id(NODE)
        .host(shared.address.ip().to_string())
        .port(i32::from(shared.address.port()))
        .rack(None);
    DescribeClusterResponse::default()
        .throttle_time_ms(0)
        .error_code(ErrorCode::None.into())
        .error_message(None)
        .endpoint_type(request.endpoint_type)
        .controller_id(NODE)
        .cluster_id(shared.store.with_contents(|contents| contents.id.to_string()))
        .brokers(Some(vec![broker]))
        .cluster_authorized_operations(i32::MIN)
}

/// Who looks after a group: this one.
pub(super) fn coordinator(
    shared: &Shared,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let (host, port) = (shared.address.ip().to_string(), i32::from(shared.address.port()));
    let coordinators = request.coordinator_keys.map(|keys| {
        let each = keys.into_iter().map(|key| {
            Coordinator::default()
                .key(key)
                .node_id(NODE)
                .host(host.clone())
                .port(port)
                .error_code(ErrorCode::None.into())
                .error_message(None)
        });
        each.collect()
    });
    FindCoordinatorResponse::default()
        .throttle_time_ms(Some(0))
        .error_code(Some(ErrorCode::None.into()))
        .error_message(None)
        .node_id(Some(NODE))
        .host(Some(host))
        .port(Some(port))
        .coordinators(coordinators)
}

/// Makes topics.
pub(super) fn create(shared: &Shared, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let dry = request.validate_only.unwrap_or(false);
    let topics = request.topics.unwrap_or_default().into_iter().map(|topic| {
        let (name, made) = create_one(shared, topic, dry);
        let result = CreatableTopicResult::default().name(name).topic_config_error_code(Some(0));
        match made {
            Ok((id, partitions)) => result
                .topic_id(Some(id.into_bytes()))
                .error_code(ErrorCode::None.into())
                .error_message(None)
                .num_partitions(Some(partitions))
                .replication_factor(Some(1))
                .configs(Some(Vec::new())),
            Err(error) => result
                .topic_id(Some([0; 16]))
                .error_code(code(&error).into())
                .error_message(Some(error.to_string()))
                .num_partitions(Some(-1))
                .replication_factor(Some(-1))
                .configs(Some(Vec::new())),
        }
    });
    CreateTopicsResponse::default().throttle_time_ms(Some(0)).topics(Some(topics.collect()))
}

fn create_one(
    shared: &Shared,
    topic: CreatableTopic,
    dry: bool,
) -> (String, Result<(Uuid, i32), TopicError>) {
    let placed = topic.assignments.map_or(0, |assignments| assignments.len());
    let partitions = match topic.num_partitions {
        -1 if placed > 0 => i32::try_from(placed).unwrap_or(i32::MAX),
        -1 => PARTITIONS,
        count => count,
    };
    let configs = topic.configs.unwrap_or_default().into_iter();
    let configs = configs.filter_map(|one| Some((one.name, one.value?))).collect();
    let made = shared.store.create_topic(&topic.name, partitions, configs, dry);
    (topic.name, made.map(|id| (id, partitions)))
}

/// Deletes topics.
pub(super) fn delete(shared: &Shared, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let named = request.topics.unwrap_or_default().into_iter().filter_map(|topic| topic.name);
    let names = request.topic_names.unwrap_or_default().into_iter().chain(named);
    let responses = names.map(|name| {
        let deleted = shared.store.delete_topic(&name);
        let error = deleted.as_ref().err().map_or(ErrorCode::None, code);
        DeletableTopicResult::default()
            .name(Some(name))
            .error_code(error.into())
            .error_message(deleted.err().map(|error| error.to_string()))
    });
    DeleteTopicsResponse::default().throttle_time_ms(Some(0)).responses(Some(responses.collect()))
}

/// How topics are kept: what was given, and the defaults of what is honoured.
pub(super) fn describe(
    shared: &Shared,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let results = request.resources.unwrap_or_default().into_iter().map(|asked| {
        let name = asked.resource_name;
        let topic = shared.store.with_contents(|contents| contents.topics.get(&name).cloned());
        let result =
            DescribeConfigsResult::default().resource_type(asked.resource_type).error_message(None);
        let result = match topic {
            Some(topic) if asked.resource_type == TOPIC_RESOURCE => {
                let configs = configs_of(&topic, asked.configuration_keys.as_deref());
                result.error_code(ErrorCode::None.into()).configs(Some(configs))
            }
            // Of the server itself there is nothing to say.
            _ if asked.resource_type != TOPIC_RESOURCE => {
                result.error_code(ErrorCode::None.into()).configs(Some(Vec::new()))
            }
            _ => result
                .error_code(ErrorCode::UnknownTopicOrPartition.into())
                .configs(Some(Vec::new())),
        };
        result.resource_name(name)
    });
    DescribeConfigsResponse::default().throttle_time_ms(0).results(Some(results.collect()))
}

fn configs_of(topic: &Topic, asked: Option<&[String]>) -> Vec<DescribeConfigsResourceResult> {
    let mut configs: BTreeMap<&str, (&str, i8)> =
        CONFIGS.iter().map(|(name, value)| (*name, (*value, SOURCE_DEFAULT))).collect();
    let given = topic.configs.iter();
    configs.extend(given.map(|(name, value)| (name.as_str(), (value.as_str(), SOURCE_TOPIC))));
    let wanted =
        |name: &str| asked.is_none_or(|keys| keys.is_empty() || keys.iter().any(|key| key == name));
    configs
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, (value, source))| {
            DescribeConfigsResourceResult::default()
                .name(name.to_owned())
                .value(Some(value.to_owned()))
                .read_only(false)
                .is_default(Some(source == SOURCE_DEFAULT))
                .config_source(Some(source))
                .is_sensitive(false)
                .synonyms(Some(Vec::new()))
                .config_type(Some(TYPE_TEXT))
                .documentation(None)
        })
        .collect()
}

/// Changes how topics are kept.
pub(super) fn alter(
    shared: &Shared,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let responses = request.resources.unwrap_or_default().into_iter().map(|resource| {
        let altered = alter_one(shared, &resource, request.validate_only);
        let (error, text) = match altered {
            Ok(()) => (ErrorCode::None, None),
            Err((error, text)) => (error, Some(text)),
        };
        AlterConfigsResourceResponse::default()
            .error_code(error.into())
            .error_message(text)
            .resource_type(resource.resource_type)
            .resource_name(resource.resource_name)
    });
    IncrementalAlterConfigsResponse::default()
        .throttle_time_ms(0)
        .responses(Some(responses.collect()))
}

fn alter_one(
    shared: &Shared,
    resource: &AlterConfigsResource,
    dry: bool,
) -> Result<(), (ErrorCode, String)> {
    let refused = |error: TopicError| (code(&error), error.to_string());
    let name = &resource.resource_name;
    let topic = shared.store.with_contents(|contents| contents.topics.get(name).cloned());
    let topic = topic.filter(|_| resource.resource_type == TOPIC_RESOURCE);
    let mut configs = topic.ok_or_else(|| refused(TopicError::Unknown))?.configs;
    for change in resource.configs.iter().flatten() {
        match (change.config_operation, &change.value) {
            (SET, Some(value)) => {
                configs.insert(change.name.clone(), value.clone());
            }
            (UNSET, _) => {
                configs.remove(&change.name);
            }
            _ => {
                let text = format!("{} can be set or deleted, nothing else", change.name);
                return Err((ErrorCode::InvalidRequest, text));
            }
        }
    }
    if dry {
        return Ok(());
    }
    shared.store.configure(name, configs).map_err(refused)
}
