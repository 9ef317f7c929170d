//! Opens many subscriptions to feeders and says how late each update comes: a measurement, not a test.
//!
//! `cargo run --package derms-api --example subscribers -- URL USER:PASSWORD[,USER:PASSWORD…] COUNT SECONDS`, against an
//! API whose `DERMS_TRUSTED_PROXIES` names this machine, so that each subscriber can come from an address of its own. One
//! in a hundred takes nothing that it is sent, as a client does that hangs.
#![expect(clippy::print_stdout, reason = "prints what it has measured")]
#![expect(
    clippy::disallowed_methods,
    reason = "a client of its own, with the clock of its machine"
)]

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const SLOW_PART: usize = 100;
const SUBSCRIPTION: &str = "subscription { feederUpdated { id lastDecisionAt } }";

/// What one subscriber saw: how late each update came, ms; none where it was not let in.
type Seen = Option<Vec<i64>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, users, count, seconds] = arguments.as_slice() else {
        anyhow::bail!("usage: subscribers URL USER:PASSWORD[,USER:PASSWORD…] COUNT SECONDS");
    };
    let count: usize = count.parse().context("COUNT: expected a whole number")?;
    let seconds: u64 = seconds.parse().context("SECONDS: expected a whole number")?;
    let mut tokens = Vec::new();
    for user in users.split(',') {
        tokens.push(login(url, user).await.with_context(|| format!("logging in as {user}"))?);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let subscribers = (0..count).map(|number| {
        let token = &tokens[number % tokens.len()];
        async move { subscribe(url, token, number, until).await.ok() }
    });
    let seen: Vec<Seen> = join_all(subscribers).await;
    let in_time: Vec<&Vec<i64>> = seen.iter().flatten().collect();
    let listening: Vec<&Vec<i64>> =
        in_time.iter().filter(|late| !late.is_empty()).copied().collect();
    let mut late: Vec<i64> = listening.iter().flat_map(|late| late.iter().copied()).collect();
    late.sort_unstable();
    let at = |permille: usize| late.get(late.len().saturating_sub(1) * permille / 1_000).copied();
    println!("{} of {count} subscribed, {} heard something", in_time.len(), listening.len());
    println!(
        "{} updates; ms after the decision: median {:?}, 99 % {:?}, most {:?}",
        late.len(),
        at(500),
        at(990),
        at(1_000)
    );
    Ok(())
}

async fn login(url: &str, user: &str) -> anyhow::Result<String> {
    let (name, password) = user.split_once(':').context("expected USER:PASSWORD")?;
    let login = reqwest::Client::new()
        .post(format!("{url}/api/auth/login"))
        .json(&json!({"username": name, "password": password}));
    let answer: Value = login.send().await?.json().await?;
    answer["token"].as_str().map(str::to_owned).with_context(|| answer.to_string())
}

async fn subscribe(
    url: &str,
    token: &str,
    number: usize,
    until: Instant,
) -> anyhow::Result<Vec<i64>> {
    let mut request =
        format!("{}/graphql/ws", url.replacen("http", "ws", 1)).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
    let address = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
    headers.insert("x-forwarded-for", address.parse()?);
    let (mut socket, _) = connect_async(request).await?;
    let init =
        json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}});
    socket.send(Message::text(init.to_string())).await?;
    socket.next().await.context("closed")??;
    let subscribe = json!({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}});
    socket.send(Message::text(subscribe.to_string())).await?;
    if number % SLOW_PART == SLOW_PART - 1 {
        tokio::time::sleep_until(until).await;
        return Ok(Vec::new());
    }
    let mut late = Vec::new();
    let began = Utc::now();
    while let Ok(Some(message)) = timeout_at(until, socket.next()).await {
        let Message::Text(text) = message? else { continue };
        let answer: Value = serde_json::from_str(&text)?;
        let feeder = &answer["payload"]["data"]["feederUpdated"];
        let Some(at) = feeder["lastDecisionAt"].as_str() else { continue };
        let at: DateTime<Utc> = at.parse()?;
        // What was decided before it was there is told at once, and is no news.
        if at > began {
            late.push((Utc::now() - at).num_milliseconds());
        }
    }
    Ok(late)
}
