//! Keeps parts running: starts each, asks it for work done, starts it again when it ends or does not answer, and says
//! so; a part that cannot be kept running ends the whole. It knows how parts are cared for, not what they do.

mod care;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::select_all;
use service_kit::notices::{self, Area};
use service_kit::task;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::care::Rules;
use self::care::{Care, Condition, Event, Order};
use crate::metrics;

/// What suits most parts. A part that hangs is found within half a minute; one that ends, at once.
pub(crate) const RULES: Rules = Rules {
    ask_every: Duration::from_secs(5),
    answer_max: Duration::from_secs(5),
    misses_max: 3,
    start_max: Duration::from_secs(90),
    stop_max: Duration::from_secs(4),
    rest_min: Duration::from_millis(100),
    rest_max: Duration::from_secs(10),
    failures_max: 8,
    within: Duration::from_secs(600),
};
/// Events of one part that wait to be looked at.
const EVENTS_MAX: usize = 16;

/// Something that is kept running.
#[async_trait]
pub(crate) trait Part: Send + Sync + 'static {
    /// What a person calls it, as the beginning of a sentence about it.
    fn name(&self) -> &'static str;

    /// Where health shows it.
    fn area(&self) -> Area;

    /// The bounds of its care.
    fn rules(&self) -> Rules {
        RULES
    }

    /// Whether it cannot be expected to work now, for a reason that another start would not mend.
    fn excused(&self, board: &Board) -> bool;

    /// Lives once: says when it has started, ends when it is told to, and says why it ended.
    async fn live(&self, started: oneshot::Sender<()>, stop: CancellationToken) -> String;

    /// Asks it for work done.
    ///
    /// # Errors
    /// What it did not do, as the end of a sentence that begins with its name.
    async fn ask(&self) -> Result<(), String>;
}

/// A part could not be kept running.
#[derive(Debug, thiserror::Error)]
#[error("{part} {why}{}", again(*failures, *within))]
pub(crate) struct GivenUp {
    part: &'static str,
    failures: usize,
    within: Duration,
    why: String,
}

fn times(failures: usize) -> String {
    if failures == 1 { "1 failure".to_owned() } else { format!("{failures} failures") }
}

/// Nothing, where another start was not even tried.
fn again(failures: usize, within: Duration) -> String {
    if failures < 2 {
        return String::new();
    }
    let (failures, minutes) = (times(failures), within.as_secs() / 60);
    format!(" ({failures} within {minutes} minutes: it is not started again)")
}

/// How every part is, for those that depend on others.
#[derive(Debug, Clone)]
pub(crate) struct Board(watch::Sender<BTreeMap<&'static str, Condition>>);

impl Default for Board {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Board {
    /// Whether these parts all run and answer.
    pub(crate) fn are_well(&self, parts: &[&str]) -> bool {
        let all = self.0.borrow();
        parts.iter().all(|part| all.get(part) == Some(&Condition::Well))
    }

    async fn until_well(&self, parts: &[&'static str]) {
        let mut changes = self.0.subscribe();
        while !self.are_well(parts) {
            // The sender is here.
            changes.changed().await.ok();
        }
    }

    fn set(&self, part: &'static str, condition: Condition) {
        self.0.send_if_modified(|all| all.insert(part, condition) != Some(condition));
    }
}

/// One part under care.
struct Keeper {
    part: &'static str,
    stop: CancellationToken,
    task: JoinHandle<Result<(), GivenUp>>,
}

/// Parts under care, in the order in which they end.
pub(crate) struct Kept {
    keepers: Vec<Keeper>,
    board: Board,
}

impl Kept {
    /// Takes parts into care.
    pub(crate) fn start(parts: Vec<Arc<dyn Part>>, board: &Board) -> Self {
        let keeper = |part: Arc<dyn Part>| {
            let (name, stop) = (part.name(), CancellationToken::new());
            let kept = keep(part, board.clone(), stop.clone());
            Keeper { part: name, stop, task: task::spawn("keeper", kept) }
        };
        Self { keepers: parts.into_iter().map(keeper).collect(), board: board.clone() }
    }

    /// Waits until all of them run.
    ///
    /// # Errors
    /// When one cannot be started.
    pub(crate) async fn started(&mut self) -> anyhow::Result<()> {
        let (parts, board): (Vec<_>, _) =
            (self.keepers.iter().map(|keeper| keeper.part).collect(), self.board.clone());
        tokio::select! {
            () = board.until_well(&parts) => Ok(()),
            error = self.failed() => Err(error),
        }
    }

    /// Waits until one cannot be kept running, and says why.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let tasks = self.keepers.iter_mut().map(|keeper| &mut keeper.task);
        let (ended, index, _) = select_all(tasks).await;
        let name = self.keepers.remove(index).part;
        match ended {
            Ok(Err(given_up)) => given_up.into(),
            Ok(Ok(())) => anyhow::anyhow!("the care for {name} ended before its time"),
            Err(error) => anyhow::Error::new(error).context(format!("the care for {name} failed")),
        }
    }

    /// Ends them one after the other.
    pub(crate) async fn stop_in_order(self) {
        for keeper in self.keepers {
            keeper.stop().await;
        }
    }

    /// Ends them all at once.
    pub(crate) async fn stop_together(self) {
        futures::future::join_all(self.keepers.into_iter().map(Keeper::stop)).await;
    }
}

impl Keeper {
    async fn stop(self) {
        self.stop.cancel();
        match self.task.await {
            Ok(Ok(())) => tracing::info!(part = self.part, "ended"),
            Ok(Err(error)) => tracing::warn!(part = self.part, %error, "had been given up"),
            Err(error) => tracing::warn!(part = self.part, %error, "its care was lost"),
        }
    }
}

/// The life that runs now.
struct Life {
    number: u64,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Life {
    fn start(part: &Arc<dyn Part>, number: u64, events: &mpsc::Sender<(u64, Event)>) -> Self {
        let stop = CancellationToken::new();
        let (started, has_started) = oneshot::channel();
        let (living, told) = (Arc::clone(part), stop.clone());
        let lived = task::spawn("life", async move { living.live(started, told).await });
        let lived = AbortOnDrop(lived);
        let events = events.clone();
        let task = task::spawn("life's events", async move {
            let mut lived = lived;
            // A receiver that is gone belongs to a keeper that has ended.
            let tell = async |event| drop(events.send((number, event)).await);
            let ended = tokio::select! {
                ended = &mut lived.0 => ended,
                Ok(()) = has_started => {
                    tell(Event::Started).await;
                    (&mut lived.0).await
                }
            };
            let why = ended.unwrap_or_else(|error| format!("was lost: {error}"));
            tell(Event::Ended(why)).await;
        });
        Self { number, stop, task }
    }

    /// Tells it to end and waits for that, within a bound.
    async fn end(mut self, bound: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(bound, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

struct AbortOnDrop(JoinHandle<String>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps one part running until `stop`.
async fn keep(part: Arc<dyn Part>, board: Board, stop: CancellationToken) -> Result<(), GivenUp> {
    let (name, rules) = (part.name(), part.rules());
    let (events, mut happened) = mpsc::channel(EVENTS_MAX);
    let mut care = Care::new(rules, Instant::now());
    let mut life: Option<Life> = None;
    loop {
        care.excuse(part.excused(&board));
        while let Some(order) = care.next(Instant::now()) {
            match order {
                Order::Start(number) => life = Some(Life::start(&part, number, &events)),
                Order::Ask(question) => ask(&part, care_of(&life), question, &events),
                Order::Stop => {
                    tracing::error!(part = name, why = care.why(), "is ended, to be started again");
                    life.iter().for_each(|life| life.stop.cancel());
                }
                Order::Abandon => {
                    tracing::error!(part = name, "does not end and is left behind");
                    life.iter().for_each(|life| life.task.abort());
                    metrics::restarted(name);
                }
                Order::GiveUp => {
                    let (failures, why) = (care.failures(), care.why().to_owned());
                    return Err(GivenUp { part: name, failures, within: rules.within, why });
                }
            }
        }
        say(&*part, &care, &board);
        let wakes_at = care.wakes_at().unwrap_or_else(|| Instant::now() + rules.ask_every);
        tokio::select! {
            () = stop.cancelled() => break,
            Some((number, event)) = happened.recv() => {
                match &event {
                    Event::Ended(why) => {
                        tracing::error!(part = name, why, "ended and is started again");
                        metrics::restarted(name);
                    }
                    Event::Missed(_, why) => {
                        tracing::warn!(part = name, why, "does not do its work");
                        metrics::missed(name);
                    }
                    Event::Started | Event::Answered(_) => {}
                }
                care.heard(number, event, Instant::now());
            }
            () = tokio::time::sleep_until(wakes_at.into()) => {}
        }
    }
    notices::clear(name);
    if let Some(life) = life {
        life.end(rules.stop_max).await;
    }
    Ok(())
}

fn care_of(life: &Option<Life>) -> u64 {
    life.as_ref().map_or(0, |life| life.number)
}

fn ask(part: &Arc<dyn Part>, life: u64, question: u64, events: &mpsc::Sender<(u64, Event)>) {
    let (part, events) = (Arc::clone(part), events.clone());
    drop(task::spawn("question", async move {
        // Longer than this nobody waits for it.
        let answer = tokio::time::timeout(part.rules().answer_max * 2, part.ask()).await;
        let event = match answer {
            Ok(Ok(())) => Event::Answered(question),
            Ok(Err(why)) => Event::Missed(question, why),
            Err(_) => return,
        };
        drop(events.send((life, event)).await);
    }));
}

/// Puts how a part is where others see it.
fn say(part: &dyn Part, care: &Care, board: &Board) {
    let (name, condition) = (part.name(), care.condition());
    board.set(name, condition);
    let failures = match care.failures() {
        0 => String::new(),
        failures => {
            format!(", {} in {} minutes", times(failures), part.rules().within.as_secs() / 60)
        }
    };
    match condition {
        Condition::Well => notices::clear(name),
        Condition::Silent => notices::post(name, part.area(), format!("{name} {}", care.why())),
        // Before its first life there is nothing to say: health is not there either.
        Condition::Away if care.why().is_empty() => {}
        Condition::Away => {
            let words = format!("{name} is started again{failures}: it {}", care.why());
            notices::post(name, part.area(), words);
        }
    }
}
