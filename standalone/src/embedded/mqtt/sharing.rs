//! Chooses the member of a shared subscription's group that gets a message. A topic stays with one member as long as
//! that one is there, so each device's messages keep their order. It must not know sessions.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::subscribe::SharedSubscription;
use rmqtt::types::{
    ClientId, Id, IsOnline, NodeId, SharedGroup, SubscriptionIdentifier, SubscriptionOptions,
    TopicName,
};

/// By topic: rendezvous hashing over the members that are connected, else over all.
pub(super) struct ByTopic;

/// A member as the broker's router lists it.
type Member =
    (NodeId, ClientId, SubscriptionOptions, Option<Vec<SubscriptionIdentifier>>, Option<IsOnline>);

#[async_trait]
impl SharedSubscription for ByTopic {
    fn is_supported(&self) -> bool {
        true
    }

    async fn choice(
        &self,
        _context: &ServerContext,
        _group: &SharedGroup,
        _publisher: &Id,
        topic: &TopicName,
        members: &[Member],
    ) -> Option<(usize, IsOnline)> {
        // The greatest pair wins: a connected member before any that is away.
        let weigh = |(index, member): (usize, &Member)| {
            let online = member.4.unwrap_or(false);
            let mut hasher = DefaultHasher::new();
            topic.hash(&mut hasher);
            member.1.hash(&mut hasher);
            ((online, hasher.finish()), index)
        };
        members.iter().enumerate().map(weigh).max().map(|((online, _), index)| (index, online))
    }
}
