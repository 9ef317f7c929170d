//! Owns the services as tasks of this process: each the very code of its own binary, with a token of its own so that
//! they end one after the other. It knows their order of ending, not what they do.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::select_all;
use service_kit::settings::Settings;
use service_kit::task;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long one step of the ending may take before the next begins.
const STEP_MAX: Duration = Duration::from_millis(900);

/// One running service.
struct Running {
    name: &'static str,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start<R>(name: &'static str, run: impl FnOnce(CancellationToken) -> R) -> Self
    where
        R: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let shutdown = CancellationToken::new();
        let task = task::spawn(name, run(shutdown.clone()));
        Self { name, shutdown, task }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        match tokio::time::timeout(STEP_MAX, &mut self.task).await {
            Ok(Ok(Ok(()))) => tracing::info!(service = self.name, "service ended"),
            Ok(Ok(Err(error))) => {
                let error = format!("{error:#}");
                tracing::warn!(service = self.name, error, "service ended badly");
            }
            Ok(Err(error)) => tracing::warn!(service = self.name, %error, "service was lost"),
            Err(_) => {
                // Nothing is lost by it: what is not committed is done again at the next start.
                tracing::warn!(service = self.name, "service did not end in time");
                self.task.abort();
            }
        }
    }
}

/// All services, in the order in which they end: intake first, then what works its records off.
pub(crate) struct Services(Vec<Running>);

impl Services {
    /// Starts them. With `fleet`, the simulated one too.
    ///
    /// # Errors
    /// When a service does not accept its settings; nothing has been started then.
    pub(crate) fn start(settings: &Settings, fleet: bool) -> anyhow::Result<Self> {
        let sim = fleet.then(|| derms_sim::Config::from_settings(settings)).transpose()?;
        let bridge = derms_bridge::Config::from_settings(settings)?;
        let processor = derms_processor::Config::from_settings(settings)?;
        let api = derms_api::Config::from_settings(settings)?;
        let mut running = Vec::new();
        if let Some(sim) = sim {
            running.push(Running::start("simulator", |stop| {
                derms_sim::run(sim, derms_sim::Stats::default(), stop)
            }));
        }
        running.push(Running::start("bridge", |stop| derms_bridge::run(bridge, stop)));
        running.push(Running::start("processor", |stop| derms_processor::run(processor, stop)));
        running.push(Running::start("api", |stop| derms_api::run(api, stop)));
        Ok(Self(running))
    }

    /// Waits until one ends, which none should, and says why it did.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let (ended, index, _) =
            select_all(self.0.iter_mut().map(|running| &mut running.task)).await;
        let name = self.0.remove(index).name;
        let outcome = ended.context("the task was lost").and_then(|outcome| outcome);
        match outcome {
            Ok(()) => anyhow::anyhow!("{name} ended before its time"),
            Err(error) => error.context(name),
        }
    }

    /// Ends them one after the other.
    pub(crate) async fn stop(self) {
        for running in self.0 {
            running.stop().await;
        }
    }
}
