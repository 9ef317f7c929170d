//! What is asked of the past: ranges, pages and cursors over history.

use async_graphql::{Context, ID, Result};
use chrono::{DateTime, Utc};
use schemas::{DeviceId, FeederId, Timestamp};

use super::errors::{self, bad_input};
use super::event_reads;
use super::types::alarm::{
    AlarmPeriod, AlarmPeriodConnection, DeadLetterReason, Violation, ViolationConnection,
};
use super::types::audit::{AuditConnection, AuditEntry};
use super::types::command::{Command, CommandConnection};
use super::types::decision::{Decision, DecisionConnection, Explanation, parse_id};
use super::types::fairness::Fairness;
use super::types::paging::{Cursor, number, size};
use super::types::scalars::{from_datetime, to_datetime};
use super::types::{present, stores};
use crate::caps::PAST_PAGES_MAX;
use crate::store::history::audit::AuditAsked;
use crate::store::history::commands::CommandsAsked;
use crate::store::history::decisions::{DecisionsAsked, Explained};
use crate::store::history::past;

/// A day: the stretch that is looked at where none is named.
const DAY_MS: i64 = 86_400_000;
/// The longest stretch of rollups that one answer adds up: a year and a day.
const SPAN_MAX_MS: i64 = 367 * DAY_MS;

/// A page of a stretch of the past, as it is asked for.
pub(super) struct Asked {
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
}

/// The same, checked.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    /// Entries of the page.
    most: usize,
    after: Option<String>,
}

impl Asked {
    /// Without `to`: until a minute from now, since clocks of writers differ. Without `from`: `span_ms` before that.
    fn check(self, now: Timestamp, span_ms: i64) -> Result<Stretch> {
        let to = self.to.map_or(now.plus_ms(60_000), from_datetime);
        let from = self.from.map_or(to.plus_ms(-span_ms), from_datetime);
        check_span(from, to)?;
        let most = size(self.first.unwrap_or(super::cost::DEFAULT_PAGE))?;
        Ok(Stretch { from, to, most, after: self.after })
    }
}

fn check_span(from: Timestamp, to: Timestamp) -> Result<()> {
    if from < to {
        return Ok(());
    }
    let (from, to) = (to_datetime(from), to_datetime(to));
    Err(bad_input(format!("from: must be before to; got {from} and {to}")))
}

/// The feeders at and below one; empty for all.
fn tree(ctx: &Context<'_>, under: Option<&FeederId>) -> Result<Vec<String>> {
    let Some(under) = under else { return Ok(Vec::new()) };
    present(ctx, |present| {
        Ok(present.view.subtree(under).iter().map(ToString::to_string).collect())
    })
}

pub(super) async fn decisions(
    ctx: &Context<'_>,
    feeder_id: &FeederId,
    asked: Asked,
) -> Result<DecisionConnection> {
    let stretch = asked.check(stores(ctx).clock.now(), DAY_MS)?;
    let list = ["decisions", feeder_id.as_str()];
    let cursor = Cursor::of(&list);
    let before = stretch.after.map(|text| {
        let [at, epoch, seq] = cursor.decode(&text)?;
        Ok::<_, async_graphql::Error>((number(&at)?, number(&epoch)?, number(&seq)?))
    });
    let most = stretch.most;
    let (from, to) = (stretch.from, stretch.to);
    let asked = DecisionsAsked { from, to, before: before.transpose()?, most: most + 1 };
    let history = event_reads::history(ctx)?;
    let (rows, total) = tokio::try_join!(
        history.decisions(feeder_id, &asked),
        history.count_decisions(feeder_id, from, to)
    )
    .map_err(|error| errors::history(&error))?;
    let has_next_page = rows.len() > most;
    let entries = rows
        .into_iter()
        .take(most)
        .map(|row| (cursor.encode(&[&row.at_ms, &row.epoch, &row.seq]), Decision::from(row)));
    Ok(DecisionConnection::of(entries, has_next_page, total))
}

pub(super) async fn decision(ctx: &Context<'_>, id: &ID) -> Result<Option<Decision>> {
    let (decision_id, feeder_id) = parse_id(id)?;
    let history = event_reads::history(ctx)?;
    let row = history.decision(decision_id, feeder_id.as_ref()).await;
    Ok(row.map_err(|error| errors::history(&error))?.map(Decision::from))
}

pub(super) async fn explain(
    ctx: &Context<'_>,
    device_id: &DeviceId,
    at: Option<DateTime<Utc>>,
) -> Result<Option<Explanation>> {
    let at = at.map_or(stores(ctx).clock.now().plus_ms(60_000), from_datetime);
    let history = event_reads::history(ctx)?;
    let stands_on = present(ctx, |present| {
        Ok(present.view.device(device_id).and_then(|device| device.feeder_id().cloned()))
    })?;
    let explained = history.explained(device_id, stands_on.as_ref(), at).await;
    let explained = explained.map_err(|error| errors::history(&error))?;
    Ok(explained.map(|Explained { device, decision, bound }| {
        Explanation::of(&device, decision, bound.as_ref())
    }))
}

pub(super) async fn commands(
    ctx: &Context<'_>,
    device_id: Option<DeviceId>,
    feeder_id: Option<&FeederId>,
    asked: Asked,
) -> Result<CommandConnection> {
    let now = stores(ctx).clock.now();
    let stretch = asked.check(now, DAY_MS)?;
    let device = device_id.as_ref().map_or("", DeviceId::as_str);
    let list = ["commands", device, feeder_id.map_or("", FeederId::as_str)];
    let cursor = Cursor::of(&list);
    let before = stretch.after.map(|text| {
        let [at, id] = cursor.decode(&text)?;
        Ok::<_, async_graphql::Error>((number(&at)?, number(&id)?))
    });
    let before = before.transpose()?;
    let most = stretch.most;
    let asked = CommandsAsked {
        tree: tree(ctx, feeder_id)?,
        device_id: device_id.clone(),
        from: stretch.from,
        to: stretch.to,
        before,
        most: most + 1,
    };
    let history = event_reads::history(ctx)?;
    let read = async {
        let (mut rows, total) =
            tokio::try_join!(history.commands(&asked), history.count_commands(&asked))?;
        let has_next_page = rows.len() > most;
        rows.truncate(most);
        let followed = history.followed(&rows).await?;
        Ok((rows, followed, has_next_page, total))
    };
    let (rows, followed, has_next_page, total) =
        read.await.map_err(|error| errors::history(&error))?;
    let entries = rows.into_iter().map(|row| {
        let cursor = cursor.encode(&[&row.decided_ms, &row.setpoint_id]);
        let said = followed.get(&row.setpoint_id);
        (cursor, Command::read(row, said, now))
    });
    Ok(CommandConnection::of(entries, has_next_page, total))
}

pub(super) async fn fairness(
    ctx: &Context<'_>,
    feeder_id: &FeederId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Fairness> {
    let (from, to) = (from_datetime(from), from_datetime(to));
    check_span(from, to)?;
    if to.since(from) > SPAN_MAX_MS {
        return Err(bad_input("from: at most a year before to"));
    }
    let tree = tree(ctx, Some(feeder_id))?;
    let rows = event_reads::history(ctx)?.fairness(&tree, from, to).await;
    let rows = rows.map_err(|error| errors::history(&error))?;
    Ok(Fairness::of(feeder_id.as_str().into(), rows))
}

/// A page of a list that is short enough to be passed over: by the number of entries before it.
struct Numbered<'l> {
    cursor: Cursor<'l>,
    skip: usize,
    most: usize,
    asked: past::Asked,
}

impl<'l> Numbered<'l> {
    fn of(
        ctx: &Context<'_>,
        list: &'l [&'l str],
        under: Option<&FeederId>,
        stretch: Stretch,
    ) -> Result<Self> {
        let cursor = Cursor::of(list);
        let skip = match stretch.after {
            Some(text) => {
                let [skip] = cursor.decode(&text)?;
                number(&skip)?
            }
            None => 0,
        };
        if skip > PAST_PAGES_MAX {
            return Err(bad_input(format!(
                "after: at most {PAST_PAGES_MAX} entries are listed; ask for a shorter range"
            )));
        }
        let (from, to, most) = (stretch.from, stretch.to, stretch.most);
        let asked = past::Asked { tree: tree(ctx, under)?, from, to, skip, most: most + 1 };
        Ok(Self { cursor, skip, most, asked })
    }

    /// Entries with their cursors, whether there are more, and how many there are as far as has been looked.
    fn page<Row, Node: From<Row>>(
        self,
        rows: Vec<Row>,
    ) -> (impl Iterator<Item = (String, Node)>, bool, u64) {
        let Self { cursor, skip, most, .. } = self;
        let (has_next_page, total) = (rows.len() > most, (skip + rows.len()) as u64);
        let numbered = (skip + 1..).zip(rows.into_iter().take(most));
        let entries: Vec<(String, Node)> =
            numbered.map(|(number, row)| (cursor.encode(&[&number]), row.into())).collect();
        (entries.into_iter(), has_next_page, total)
    }
}

pub(super) async fn alarms(
    ctx: &Context<'_>,
    under: Option<&FeederId>,
    asked: Asked,
) -> Result<AlarmPeriodConnection> {
    let stretch = asked.check(stores(ctx).clock.now(), DAY_MS)?;
    let list = ["alarms", under.map_or("", FeederId::as_str)];
    let page = Numbered::of(ctx, &list, under, stretch)?;
    let rows = event_reads::history(ctx)?.alarms(&page.asked).await;
    let rows = rows.map_err(|error| errors::history(&error))?;
    let (entries, more, total) = page.page::<_, AlarmPeriod>(rows);
    Ok(AlarmPeriodConnection::of(entries, more, total))
}

pub(super) async fn violations(
    ctx: &Context<'_>,
    under: Option<&FeederId>,
    asked: Asked,
) -> Result<ViolationConnection> {
    let stretch = asked.check(stores(ctx).clock.now(), DAY_MS)?;
    let list = ["violations", under.map_or("", FeederId::as_str)];
    let page = Numbered::of(ctx, &list, under, stretch)?;
    let rows = event_reads::history(ctx)?.violations(&page.asked).await;
    let rows = rows.map_err(|error| errors::history(&error))?;
    let (entries, more, total) = page.page::<_, Violation>(rows);
    Ok(ViolationConnection::of(entries, more, total))
}

pub(super) async fn dead_letters(
    ctx: &Context<'_>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<DeadLetterReason>> {
    let (from, to) = (from_datetime(from), from_datetime(to));
    check_span(from, to)?;
    let rows = event_reads::history(ctx)?.dead_letters(from, to).await;
    let rows = rows.map_err(|error| errors::history(&error))?;
    Ok(rows.into_iter().map(DeadLetterReason::from).collect())
}

pub(super) async fn audit(
    ctx: &Context<'_>,
    actor: Option<String>,
    entity: Option<String>,
    asked: Asked,
) -> Result<AuditConnection> {
    let now = stores(ctx).clock.now();
    let stretch = asked.check(now, now.0)?;
    let list =
        ["audit", actor.as_deref().unwrap_or_default(), entity.as_deref().unwrap_or_default()];
    let cursor = Cursor::of(&list);
    let before = stretch.after.map(|text| {
        let [at, offset] = cursor.decode(&text)?;
        Ok::<_, async_graphql::Error>((number(&at)?, number(&offset)?))
    });
    let before = before.transpose()?;
    let (from, to, most) = (stretch.from, stretch.to, stretch.most);
    let asked = AuditAsked {
        actor: actor.clone(),
        entity: entity.clone(),
        from,
        to,
        before,
        most: most + 1,
    };
    let history = event_reads::history(ctx)?;
    let (entries, total) = tokio::try_join!(history.audit(&asked), history.count_audit(&asked))
        .map_err(|error| errors::history(&error))?;
    let has_next_page = entries.len() > most;
    let entries = entries
        .into_iter()
        .take(most)
        .map(|entry| (cursor.encode(&[&entry.at_ms, &entry.offset]), AuditEntry::from(entry)));
    Ok(AuditConnection::of(entries, has_next_page, total))
}
