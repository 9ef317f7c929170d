//! The schema as a WebSocket connection runs it: every error has a code there too.

use std::sync::Arc;

use async_graphql::{Data, Executor, Request, Response};
use futures::StreamExt;
use futures::stream::BoxStream;

use super::ApiSchema;
use super::errors::label;

/// Runs operations and labels their errors.
#[derive(Clone)]
pub(crate) struct Labelled(pub(crate) ApiSchema);

impl Executor for Labelled {
    async fn execute(&self, request: Request) -> Response {
        label(self.0.execute(request).await)
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        Executor::execute_stream(&self.0, request, session_data).map(label).boxed()
    }
}
