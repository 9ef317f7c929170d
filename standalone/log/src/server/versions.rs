//! What the log speaks: one table of requests and their versions.

use tansu_sans_io::api_versions_response::ApiVersion;
use tansu_sans_io::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, DeleteGroupsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeGroupsRequest, ErrorCode, FetchRequest, FindCoordinatorRequest, HeartbeatRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
    SyncGroupRequest,
};

/// Requests with the latest version that is spoken; older ones are too. Topics have names here, so that versions which
/// know only ids are left out.
const SPOKEN: &[(i16, i16)] = &[
    (ProduceRequest::KEY, 9),
    (FetchRequest::KEY, 12),
    (ListOffsetsRequest::KEY, 6),
    (MetadataRequest::KEY, 12),
    (OffsetCommitRequest::KEY, 8),
    (OffsetFetchRequest::KEY, 8),
    (FindCoordinatorRequest::KEY, 4),
    (JoinGroupRequest::KEY, 9),
    (HeartbeatRequest::KEY, 4),
    (LeaveGroupRequest::KEY, 5),
    (SyncGroupRequest::KEY, 5),
    (DescribeGroupsRequest::KEY, 5),
    (ListGroupsRequest::KEY, 4),
    (SaslHandshakeRequest::KEY, 1),
    (ApiVersionsRequest::KEY, 3),
    (CreateTopicsRequest::KEY, 7),
    (DeleteTopicsRequest::KEY, 5),
    (DeleteRecordsRequest::KEY, 2),
    (InitProducerIdRequest::KEY, 4),
    (DescribeConfigsRequest::KEY, 4),
    (SaslAuthenticateRequest::KEY, 2),
    (DeleteGroupsRequest::KEY, 2),
    (IncrementalAlterConfigsRequest::KEY, 1),
    (DescribeClusterRequest::KEY, 1),
];

/// Whether a request of this version is understood.
pub(super) fn is_spoken(key: i16, version: i16) -> bool {
    SPOKEN.iter().any(|(spoken, latest)| *spoken == key && (0..=*latest).contains(&version))
}

/// Whether it is understood before a login.
pub(super) fn is_before_login(key: i16) -> bool {
    [ApiVersionsRequest::KEY, SaslHandshakeRequest::KEY, SaslAuthenticateRequest::KEY]
        .contains(&key)
}

/// The table, as an answer.
pub(super) fn spoken(error: ErrorCode) -> ApiVersionsResponse {
    let versions = SPOKEN.iter().map(|(key, latest)| {
        ApiVersion::default().api_key(*key).min_version(0).max_version(*latest)
    });
    ApiVersionsResponse::default()
        .error_code(error.into())
        .api_keys(Some(versions.collect()))
        .throttle_time_ms(Some(0))
}
