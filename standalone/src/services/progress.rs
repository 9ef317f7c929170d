//! Whether a service gets on with its work, by what it counts. Only what must move is asked for: loops turn at least
//! once a second; messages that came are acknowledged; a processor that has decided goes on deciding.

use std::time::{Duration, Instant};

use service_kit::metrics::total;
use service_kit::pulse::Loop;
use service_kit::settings::{Settings, key};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Service;

/// A loop that has not come by for so long stands still.
const TURN_MAX: Duration = Duration::from_secs(20);
/// A loop that has not come by yet may still be reading the log.
const FIRST_TURN_MAX: Duration = Duration::from_secs(300);
/// Messages that wait for so long without any being acknowledged wait in vain.
const ACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// Intervals without a decision, after which control is not late but away; and never less than the time below.
const INTERVALS_MAX: u32 = 6;
const DECIDED_MAX: Duration = Duration::from_secs(30);
/// A fleet that sends seldom is asked seldom.
const SENT_INTERVALS_MAX: u32 = 3;

/// A count, and when it moved last.
#[derive(Debug, Clone, Copy)]
struct Mark {
    count: f64,
    moved: Instant,
    ever: bool,
}

impl Mark {
    fn new(count: f64, now: Instant) -> Self {
        Self { count, moved: now, ever: false }
    }

    /// Takes a reading; gives how long it has stood still.
    fn read(&mut self, count: f64, now: Instant) -> Duration {
        if (count - self.count).abs() > f64::EPSILON {
            *self = Self { count, moved: now, ever: true };
        }
        now.duration_since(self.moved)
    }
}

/// What a service has done in its present life.
#[derive(Debug)]
pub(super) struct Progress {
    loops: Vec<(Loop, Mark)>,
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    counter: &'static str,
    /// While this is zero there is no work.
    waiting: Option<&'static str>,
    /// Whether it must have moved once before it must go on moving.
    once_begun: bool,
    standstill_max: Duration,
    mark: Mark,
    words: &'static str,
}

impl Progress {
    pub(super) fn new(service: Service, settings: &Settings, now: Instant) -> Self {
        let loops: &[Loop] = match service {
            Service::Bridge => &[Loop::Ingress, Loop::Egress],
            Service::Processor => &[Loop::Control, Loop::Sink],
            Service::Simulator | Service::Api => &[],
        };
        #[expect(clippy::cast_precision_loss, reason = "turns are compared with turns")]
        let mark = |one: &Loop| (*one, Mark::new(one.turns() as f64, now));
        Self { loops: loops.iter().map(mark).collect(), work: work(service, settings, now) }
    }

    /// Asks for progress.
    ///
    /// # Errors
    /// What did not move, as the end of a sentence.
    pub(super) fn ask(&mut self, now: Instant) -> Result<(), String> {
        for (one, mark) in &mut self.loops {
            #[expect(clippy::cast_precision_loss, reason = "turns are compared with turns")]
            let stood = mark.read(one.turns() as f64, now);
            if stood > if mark.ever { TURN_MAX } else { FIRST_TURN_MAX } {
                return Err(format!(
                    "stands still: its loop {one:?} has not turned for {} s",
                    stood.as_secs()
                ));
            }
        }
        self.work.as_mut().map_or(Ok(()), |work| work.ask(now, total))
    }
}

fn work(service: Service, settings: &Settings, now: Instant) -> Option<Work> {
    let interval = settings.seconds(key::CONTROL_INTERVAL_SECONDS);
    let (counter, waiting, once_begun, standstill_max, words) = match service {
        Service::Bridge => (
            "derms_bridge_acknowledged_total",
            Some("derms_bridge_unacknowledged"),
            false,
            ACKNOWLEDGED_MAX,
            "takes messages from the broker and acknowledges none",
        ),
        Service::Processor => {
            let late = settings.millis(key::DERMS_ALLOWED_LATENESS_MS)
                + settings.millis(key::DERMS_IDLE_TIMEOUT_MS);
            let most = DECIDED_MAX.max(interval * INTERVALS_MAX + late);
            ("derms_processor_decisions_total", None, true, most, "has stopped deciding")
        }
        Service::Simulator => {
            let every = settings.millis(key::DERMS_SIM_INTERVAL_MS) * SENT_INTERVALS_MAX;
            let most = DECIDED_MAX.max(every);
            let waiting = Some("derms_sim_connections");
            ("derms_sim_telemetry_acked_total", waiting, true, most, "has stopped sending")
        }
        Service::Api => return None,
    };
    let mark = Mark::new(total(counter).unwrap_or(0.0), now);
    Some(Work { counter, waiting, once_begun, standstill_max, mark, words })
}

impl Work {
    fn ask(&mut self, now: Instant, total: impl Fn(&str) -> Option<f64>) -> Result<(), String> {
        let stood = self.mark.read(total(self.counter).unwrap_or(0.0), now);
        let idle = self.waiting.is_some_and(|waiting| total(waiting).unwrap_or(0.0) < 0.5);
        if idle {
            // Work that comes now has its whole time.
            self.mark.moved = now;
        }
        let begun = self.mark.ever || !self.once_begun;
        if !idle && begun && stood > self.standstill_max {
            return Err(format!("{}, for {} s", self.words, stood.as_secs()));
        }
        Ok(())
    }
}

/// Counts what the API turns away, connections beyond its bounds among it.
const REFUSED: &str = "derms_api_refused_total";

/// Asks the API for its health, whatever that says; over TLS, only for a connection.
///
/// # Errors
/// What it did not do.
pub(super) async fn api_answers(settings: &Settings) -> Result<(), String> {
    unless_turned_away(ask_api(settings), || total(REFUSED).unwrap_or(0.0)).await
}

/// Others on this machine may hold all connections of its address: an API that turns this one away works, and another start
/// would not help.
async fn unless_turned_away(
    asked: impl Future<Output = Result<(), String>>,
    refused: impl Fn() -> f64,
) -> Result<(), String> {
    let before = refused();
    let outcome = asked.await;
    if refused() > before { Ok(()) } else { outcome }
}

async fn ask_api(settings: &Settings) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("does not answer: {error}");
    let place = (settings.text(key::HOST), settings.port(key::PORT));
    let host = match place.0 {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let mut stream = TcpStream::connect((host, place.1)).await.map_err(failed)?;
    if settings.flag(key::TLS_ENABLED) {
        return Ok(());
    }
    let name = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let request = format!(
        "GET /api/health HTTP/1.1\r\nHost: {name}:{}\r\nConnection: close\r\n\r\n",
        place.1
    );
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.map_err(failed)?;
    let status = String::from_utf8_lossy(&answer[9..]).into_owned();
    if status == "200" { Ok(()) } else { Err(format!("says {status} when asked for its health")) }
}

#[cfg(test)]
mod tests {
    use service_kit::settings::Service as SettingsOf;

    use super::*;

    fn work(once_begun: bool, now: Instant) -> Work {
        Work {
            counter: "done",
            waiting: Some("waiting"),
            once_begun,
            standstill_max: Duration::from_secs(30),
            mark: Mark::new(0.0, now),
            words: "has stopped",
        }
    }

    fn at(done: f64, waiting: f64) -> impl Fn(&str) -> Option<f64> {
        move |name| Some(if name == "done" { done } else { waiting })
    }

    #[test]
    fn work_that_waits_must_move_within_its_time_and_idleness_is_no_standstill() {
        let start = Instant::now();
        let seconds = |seconds| start + Duration::from_secs(seconds);
        let mut work = work(false, start);
        assert_eq!(work.ask(seconds(1_000), at(0.0, 0.0)), Ok(()), "nothing to do");
        assert_eq!(work.ask(seconds(1_020), at(0.0, 5.0)), Ok(()), "just begun");
        assert_eq!(work.ask(seconds(1_040), at(3.0, 5.0)), Ok(()), "some is done");
        assert_eq!(work.ask(seconds(1_069), at(3.0, 5.0)), Ok(()));
        let stalled = work.ask(seconds(1_071), at(3.0, 5.0));
        assert_eq!(stalled, Err("has stopped, for 31 s".to_owned()));
    }

    #[tokio::test]
    async fn an_api_that_turns_its_supervisor_away_for_others_connections_is_not_blamed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port().to_string();
        let pairs = [("HOST", "127.0.0.1"), ("PORT", port.as_str())];
        let settings = Settings::from_pairs(SettingsOf::Standalone, &pairs).expect("settings");
        // Closes what comes, as the API does beyond its bounds.
        let closing = async {
            loop {
                drop(listener.accept().await);
            }
        };
        let counted = std::cell::Cell::new(0.0);
        let count = || {
            counted.set(counted.get() + 1.0);
            counted.get()
        };
        let asking = async {
            let turned_away = unless_turned_away(ask_api(&settings), count).await;
            (turned_away, unless_turned_away(ask_api(&settings), || 0.0).await)
        };
        let (turned_away, closed) = tokio::select! {
            outcomes = asking => outcomes,
            () = closing => unreachable!("it closes for ever"),
        };
        assert_eq!(turned_away, Ok(()));
        assert!(closed.expect_err("it says nothing").contains("does not answer"));
    }

    #[test]
    fn what_has_not_begun_is_not_expected_to_go_on() {
        let start = Instant::now();
        let mut work = work(true, start);
        let late = start + Duration::from_secs(1_000);
        assert_eq!(work.ask(late, at(0.0, 1.0)), Ok(()));
        assert_eq!(work.ask(late, at(1.0, 1.0)), Ok(()), "it begins");
        let later = late + Duration::from_secs(31);
        assert!(work.ask(later, at(1.0, 1.0)).is_err());
    }
}
