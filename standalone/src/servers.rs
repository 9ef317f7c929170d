//! The embedded servers as parts under care: each a child process, asked in its own protocol for work done.

mod questions;

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::notices::Area;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::questions::Question;
use crate::child::{Child, Launch};
use crate::disk::Disk;
use crate::plan::Plan;
use crate::solo::Server;
use crate::supervisor::{Board, Part};

/// An embedded server.
pub(crate) struct ServerPart {
    launch: Launch,
    question: Question,
    disk: Disk,
}

impl ServerPart {
    /// All of them.
    ///
    /// # Errors
    /// When the settings do not do for a client of one.
    pub(crate) fn all(plan: &Plan, disk: &Disk) -> anyhow::Result<Vec<Arc<dyn Part>>> {
        let part = |server| {
            let (launch, question) = (plan.launch(server), Question::new(server, &plan.services)?);
            anyhow::Ok(Arc::new(Self { launch, question, disk: disk.clone() }) as Arc<dyn Part>)
        };
        Server::ALL.into_iter().map(part).collect()
    }
}

#[async_trait]
impl Part for ServerPart {
    fn name(&self) -> &'static str {
        self.launch.server.name()
    }

    fn area(&self) -> Area {
        match self.launch.server {
            Server::ClickHouse => Area::ClickHouse,
            Server::Mqtt => Area::Mqtt,
            Server::Log => Area::Log,
        }
    }

    fn excused(&self, _: &Board) -> bool {
        self.disk.is_full()
    }

    async fn live(&self, started: oneshot::Sender<()>, stop: CancellationToken) -> String {
        let mut child = match Child::start(&self.launch).await {
            Ok(child) => child,
            Err(error) => return format!("did not start: {error:#}"),
        };
        // Nobody waits for it when it is ended already.
        started.send(()).ok();
        tokio::select! {
            why = child.ended() => why,
            () = stop.cancelled() => {
                child.stop().await;
                "was told to end".to_owned()
            }
        }
    }

    async fn ask(&self) -> Result<(), String> {
        self.question.ask().await
    }
}
