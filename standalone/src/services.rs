//! The services as parts under care: each the very code of its own binary, on a runtime of its own, so that one that
//! stands still holds up no other. They are asked for progress by their metrics.

mod progress;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::BoxFuture;
use service_kit::notices::Area;
use service_kit::settings::Settings;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::progress::Progress;
use crate::disk::Disk;
use crate::embedded::OwnRuntime;
use crate::solo::Server;
use crate::supervisor::{Board, Part, RULES, Rules};

/// Threads of each service's runtime.
const THREADS: usize = 2;
/// How long a service may take to end: what is on its way is waited for.
const STOP_MAX: Duration = Duration::from_millis(900);
/// The same of the processor, which stores what the log holds first.
const PROCESSOR_STOP_MAX: Duration = Duration::from_millis(2_100);

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Simulator,
    Bridge,
    Processor,
    Api,
}

/// One service.
pub(crate) struct ServicePart {
    service: Service,
    settings: Settings,
    disk: Disk,
    progress: Mutex<Progress>,
}

impl ServicePart {
    /// All services, in the order in which they end: intake first, then what works its records off. With `fleet`, the
    /// simulated one too.
    ///
    /// # Errors
    /// When a service does not accept its settings; nothing has been started then.
    pub(crate) fn all(
        settings: &Settings,
        fleet: bool,
        disk: &Disk,
    ) -> anyhow::Result<Vec<Arc<dyn Part>>> {
        let mut services = vec![Service::Bridge, Service::Processor, Service::Api];
        if fleet {
            services.insert(0, Service::Simulator);
        }
        let part = |service: Service| {
            drop(service.run(settings, CancellationToken::new())?);
            let (settings, disk) = (settings.clone(), disk.clone());
            let progress = Mutex::new(Progress::new(service, &settings, Instant::now()));
            anyhow::Ok(Arc::new(Self { service, settings, disk, progress }) as Arc<dyn Part>)
        };
        services.into_iter().map(part).collect()
    }
}

impl Service {
    /// Its whole run; nothing happens until that is polled.
    fn run(
        self,
        settings: &Settings,
        stop: CancellationToken,
    ) -> anyhow::Result<BoxFuture<'static, anyhow::Result<()>>> {
        Ok(match self {
            Self::Simulator => {
                let config = derms_sim::Config::from_settings(settings)?;
                let stats = derms_sim::Stats::default();
                Box::pin(async move {
                    derms_sim::run(config, stats, stop.clone()).await?;
                    // A fleet whose time is over has done what it was to do.
                    stop.cancelled().await;
                    Ok(())
                })
            }
            Self::Bridge => {
                Box::pin(derms_bridge::run(derms_bridge::Config::from_settings(settings)?, stop))
            }
            Self::Processor => Box::pin(derms_processor::run(
                derms_processor::Config::from_settings(settings)?,
                stop,
            )),
            Self::Api => {
                Box::pin(derms_api::run(derms_api::Config::from_settings(settings)?, stop))
            }
        })
    }

    fn thread_name(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Bridge => "bridge",
            Self::Processor => "processor",
            Self::Api => "api",
        }
    }
}

#[async_trait]
impl Part for ServicePart {
    fn name(&self) -> &'static str {
        match self.service {
            Service::Simulator => "the simulator",
            Service::Bridge => "the bridge",
            Service::Processor => "the processor",
            Service::Api => "the API",
        }
    }

    fn area(&self) -> Area {
        match self.service {
            Service::Simulator | Service::Bridge => Area::Mqtt,
            Service::Processor | Service::Api => Area::Control,
        }
    }

    fn rules(&self) -> Rules {
        let stop_max = match self.service {
            Service::Processor => PROCESSOR_STOP_MAX,
            Service::Simulator | Service::Bridge | Service::Api => STOP_MAX,
        };
        Rules { stop_max, ..RULES }
    }

    /// Without its servers a service waits, as it should.
    fn excused(&self, board: &Board) -> bool {
        self.disk.is_full() || !board.are_well(&Server::ALL.map(Server::name))
    }

    async fn live(&self, started: oneshot::Sender<()>, stop: CancellationToken) -> String {
        {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            *progress = Progress::new(self.service, &self.settings, Instant::now());
        }
        let outcome = async {
            let run = self.service.run(&self.settings, stop.clone())?;
            let runtime = OwnRuntime::new(self.service.thread_name(), THREADS)?;
            let running = runtime.spawn(run);
            started.send(()).ok();
            let outcome = running.await;
            runtime.stop().await;
            outcome?
        };
        match outcome.await {
            Ok(()) => "ended before its time".to_owned(),
            Err(error) => format!("failed: {error:#}"),
        }
    }

    async fn ask(&self) -> Result<(), String> {
        if self.service == Service::Api {
            return progress::api_answers(&self.settings).await;
        }
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).ask(Instant::now())
    }
}
