//! Asks what the dashboard asks, by many clients at once, and says how long answers take: a measurement, not a test.
//!
//! `cargo run --release --package derms-api --example questions -- URL USER:PASSWORD[,USER:PASSWORD…] CLIENTS SECONDS
//! PAUSE_MS UNTIL [PID…]`: every client asks one kind of question for so many seconds, with a pause between two (0: the API is
//! saturated). Histories are of the 24 hours before UNTIL. Of the processes named it says the CPU of one question, less what
//! they take while nobody asks.
#![expect(clippy::print_stdout, reason = "prints what it has measured")]

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::future::try_join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// A tick of the times in `/proc`, ms.
const TICK_MS: f64 = 10.0;
/// Devices that histories and explanations are asked of, in turn.
const DEVICES: usize = 100;

const OVERVIEW: &str = "{ feeders { id loadKw limitKw: effectiveLimitKw headroomKw deviceCount stopped lastDecisionAt } }";
const PAGE: &str = "{ devices(first: 50) { totalCount pageInfo { endCursor hasNextPage } edges { node { id type feederId powerKw setpointKw soc freshness } } } }";
const DEVICE_DAY: &str = "query($id: ID!, $from: DateTime!, $to: DateTime!) { device(id: $id) { telemetry(from: $from, to: $to) { at powerKw setpointKw soc } } }";
const FEEDER_DAY: &str = "query($id: ID!, $from: DateTime!, $to: DateTime!) { feeder(id: $id) { history(from: $from, to: $to) { at loadKw limitKw reservedKw } } }";
const DECISIONS: &str = "query($id: ID!) { decisions(feederId: $id, first: 50) { totalCount edges { node { id at trigger loadKw limitKw } } } }";
const EXPLAIN: &str = "query($id: ID!) { explain(deviceId: $id) { sentence } }";
const QUESTIONS: [(&str, &str); 6] = [
    ("overview", OVERVIEW),
    ("page of 50 devices", PAGE),
    ("device, 24 h", DEVICE_DAY),
    ("feeder, 24 h", FEEDER_DAY),
    ("page of 50 decisions", DECISIONS),
    ("explain", EXPLAIN),
];

/// Where the API is, and who asks.
struct Asker {
    url: String,
    tokens: Vec<String>,
    client: Client,
}

impl Asker {
    async fn login(url: &str, users: &str) -> anyhow::Result<Self> {
        let client = Client::new();
        let mut tokens = Vec::new();
        for user in users.split(',') {
            let (name, password) = user.split_once(':').context("expected USER:PASSWORD")?;
            let login = json!({"username": name, "password": password});
            let login = client.post(format!("{url}/api/auth/login")).json(&login);
            let answer: Value = login.send().await?.json().await?;
            let token = answer["token"].as_str().with_context(|| answer.to_string())?;
            tokens.push(token.to_owned());
        }
        Ok(Self { url: format!("{url}/graphql"), tokens, client })
    }

    /// The answer, unread: what a client does with it is no matter of the API.
    async fn ask(
        &self,
        who: usize,
        query: &str,
        variables: &Value,
    ) -> anyhow::Result<bytes::Bytes> {
        let request = self
            .client
            .post(&self.url)
            .bearer_auth(&self.tokens[who % self.tokens.len()])
            .json(&json!({"query": query, "variables": variables}));
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        // Errors stand before or after the data, and nowhere else in these.
        let has_errors = answer.windows(9).any(|window| window == b"\"errors\":");
        anyhow::ensure!(!has_errors, "{query}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    async fn read(&self, query: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.ask(0, query, &json!({})).await?)?)
    }

    /// What one client saw: how long each answer took, ms.
    async fn asks(
        &self,
        who: usize,
        query: &str,
        (ids, day): (&[String], &[String; 2]),
        (until, pause): (Instant, Duration),
    ) -> anyhow::Result<Vec<f64>> {
        let mut took = Vec::new();
        // They do not come all at the same moment.
        sleep(pause * u32::try_from(who % 20)? / 20).await;
        while Instant::now() < until {
            let id = &ids[(who * 7 + took.len()) % ids.len()];
            let variables = json!({"id": id, "from": day[0], "to": day[1]});
            let began = Instant::now();
            self.ask(who, query, &variables).await?;
            took.push(began.elapsed().as_secs_f64() * 1e3);
            sleep(pause).await;
        }
        Ok(took)
    }
}

/// What processes have taken so far, ms of CPU each.
fn cpu_ms(pids: &[String]) -> anyhow::Result<Vec<f64>> {
    let one = |pid: &String| -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("no stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks * TICK_MS)
    };
    pids.iter().map(one).collect()
}

fn since(before: &[f64], after: &[f64]) -> Vec<f64> {
    before.iter().zip(after).map(|(before, after)| after - before).collect()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, users, clients, seconds, pause, until, pids @ ..] = arguments.as_slice() else {
        anyhow::bail!(
            "usage: questions URL USER:PASSWORD[,USER:PASSWORD…] CLIENTS SECONDS PAUSE_MS UNTIL [PID…]"
        );
    };
    let clients: usize = clients.parse().context("CLIENTS: expected a whole number")?;
    let span = Duration::from_secs(seconds.parse().context("SECONDS: expected a whole number")?);
    let pause = Duration::from_millis(pause.parse().context("PAUSE_MS: expected a whole number")?);
    let until: DateTime<Utc> = until.parse().context("UNTIL: expected a time")?;
    let day = [until - TimeDelta::hours(24), until]
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let asker = Asker::login(url, users).await?;
    let page =
        format!("{{ devices(first: {DEVICES}) {{ totalCount edges {{ node {{ id }} }} }} }}");
    let devices = asker.read(&page).await?["data"]["devices"].clone();
    let feeders = asker.read("{ feeders { id } }").await?["data"]["feeders"].clone();
    let ids = |list: &Value, id: &str| -> Vec<String> {
        let of = |one: &Value| one.pointer(id)?.as_str().map(str::to_owned);
        list.as_array().into_iter().flatten().filter_map(of).collect()
    };
    let device_ids = ids(&devices["edges"], "/node/id");
    let feeder_ids = ids(&feeders, "/id");
    println!("{clients} clients, {} devices, {} feeders", devices["totalCount"], feeder_ids.len());

    let before = cpu_ms(pids)?;
    sleep(span).await;
    let idle: Vec<f64> =
        since(&before, &cpu_ms(pids)?).into_iter().map(|used| used / span.as_secs_f64()).collect();
    println!("CPU while nobody asks: {idle:.0?} ms each second");
    for (name, query) in QUESTIONS {
        let of_device = query.contains("device(") || query.contains("deviceId");
        let ids = if of_device { &device_ids } else { &feeder_ids };
        // What it is asked of at first is no matter here.
        asker.ask(0, query, &json!({"id": ids[0], "from": day[0], "to": day[1]})).await?;
        let (began, before) = (Instant::now(), cpu_ms(pids)?);
        let end = began + span;
        let all = (0..clients).map(|who| asker.asks(who, query, (ids, &day), (end, pause)));
        let mut took: Vec<f64> = try_join_all(all).await?.into_iter().flatten().collect();
        let seconds = began.elapsed().as_secs_f64();
        took.sort_by(f64::total_cmp);
        let at = |permille: usize| took[(took.len() - 1) * permille / 1_000];
        let count = f64::from(u32::try_from(took.len())?);
        let used = since(&before, &cpu_ms(pids)?);
        let own = used.iter().zip(&idle).map(|(used, idle)| (used - idle * seconds) / count);
        println!(
            "{name:<21} median {:>6.1} ms, p95 {:>6.1} ms, most {:>6.1} ms, {:>6.0}/s, CPU of one {:.2?} ms",
            at(500),
            at(950),
            at(1_000),
            count / seconds,
            own.collect::<Vec<f64>>()
        );
    }
    Ok(())
}
