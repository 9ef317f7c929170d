//! Operations as a WebSocket connection runs them: checked before anything else looks at them, queries and mutations
//! on the pool, so many at once, and every error with a code.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::errors::{label, refusal};
use super::event_reads::EventReads;
use super::pool::Pool;
use super::{ApiSchema, Code, Documents, ProvedBy, precheck, run};
use crate::auth::AuthUser;
use crate::caps::OPERATIONS_PER_SOCKET_MAX;
use crate::places::Places;

/// Runs the operations of one connection.
#[derive(Clone)]
pub(crate) struct SocketOperations {
    schema: ApiSchema,
    documents: Arc<Documents>,
    pool: Arc<Pool>,
    reads: EventReads,
    places: Arc<Places<()>>,
}

impl SocketOperations {
    pub(crate) fn new(
        schema: ApiSchema,
        documents: Arc<Documents>,
        pool: Arc<Pool>,
        reads: EventReads,
    ) -> Self {
        let places = Places::new(OPERATIONS_PER_SOCKET_MAX, OPERATIONS_PER_SOCKET_MAX);
        Self { schema, documents, pool, reads, places }
    }
}

impl Executor for SocketOperations {
    /// The WebSocket protocol asks for streams only.
    async fn execute(&self, request: Request) -> Response {
        label(self.schema.execute(request).await)
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let Some((session, user, proved_by)) = session.and_then(|session| {
            let (user, proved_by) = (find::<AuthUser>(&session)?, find::<ProvedBy>(&session)?);
            Some((session, user, proved_by))
        }) else {
            return once(refusal(Code::Unauthenticated, "log in first"));
        };
        let Ok(place) = self.places.take(None) else {
            return once(refusal(
                Code::BadUserInput,
                &format!("at most {OPERATIONS_PER_SOCKET_MAX} operations on one connection"),
            ));
        };
        let found = self.documents.find(&mut request, proved_by);
        if let Err(error) = found.and_then(|()| precheck::check(&mut request)) {
            return once(label(Response::from_errors(vec![error])));
        }
        let schema = self.schema.clone();
        if is_subscription(&mut request) {
            let request = request.data(self.reads.clone());
            return Executor::execute_stream(&schema, request, Some(session))
                .map(move |response| {
                    let _place = &place;
                    label(response)
                })
                .boxed();
        }
        let pool = Arc::clone(&self.pool);
        async move {
            let _place = place;
            let work = move || async move {
                Executor::execute_stream(&schema, request, Some(session)).next().await
            };
            run::answer(pool.run(&user.name, work).await.map(Option::unwrap_or_default))
        }
        .into_stream()
        .boxed()
    }
}

fn once(response: Response) -> BoxStream<'static, Response> {
    stream::once(async move { response }).boxed()
}

fn find<T: Clone + 'static>(session: &Data) -> Option<T> {
    session.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
}

/// Whether the operation that is asked for is a subscription.
fn is_subscription(request: &mut Request) -> bool {
    let wanted = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let mut operations = document.operations.iter();
    let found = match &wanted {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name == wanted)),
        None => operations.next(),
    };
    found.is_some_and(|(_, operation)| operation.node.ty == OperationType::Subscription)
}
