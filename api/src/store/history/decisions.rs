//! Past decisions: of a feeder, one of them, its devices, and the one that a device's setpoint comes from.

use std::collections::HashMap;

use clickhouse::Row;
use schemas::{DeviceId, FeederId, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use super::{History, HistoryError};

/// A decision about one feeder.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct DecisionRow {
    /// The decision; it may be about other feeders of its tree too.
    #[serde(with = "clickhouse::serde::uuid")]
    pub decision_id: Uuid,
    /// The root of its tree.
    pub root: String,
    /// The feeder.
    pub feeder_id: String,
    /// The feeder that it hung on then.
    pub parent_id: Option<String>,
    /// Its writer's epoch.
    pub epoch: i64,
    /// Its number in the tree.
    pub seq: i64,
    /// Its clock reading, ms since the epoch, as all times here.
    pub at_ms: i64,
    /// WINDOW, IDLE, OVERLOAD or OPERATOR.
    pub trigger: String,
    /// Start of its window.
    pub window_start_ms: i64,
    /// End of its window.
    pub window_end_ms: i64,
    /// The policy that made it.
    pub policy: String,
    /// Whether the independent check passed.
    pub certified: bool,
    /// AUTOMATIC, MANUAL, SHADOW or DISABLED.
    pub mode: String,
    /// Import limit in force, W.
    pub limit_w: i64,
    /// Load in the window, W.
    pub load_w: i64,
    /// Upper estimate of load that nobody commands, W.
    pub uncontrolled_w: i64,
    /// Held back, W.
    pub reserved_w: i64,
    /// Limit less load, W.
    pub headroom_w: i64,
    /// Sum of the setpoints, W.
    pub allocated_w: i64,
    /// By how much the limit cannot be met, W.
    pub unmet_w: i64,
    /// What binds.
    pub binding: String,
    /// The rung of the ladder.
    pub rung: String,
    /// Why it ran degraded.
    pub degraded: Option<String>,
    /// Why control was stopped.
    pub stopped: Option<String>,
}

/// A device in a decision.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct DecisionDeviceRow {
    /// The decision.
    #[serde(with = "clickhouse::serde::uuid")]
    pub decision_id: Uuid,
    /// Its clock reading.
    pub at_ms: i64,
    /// The device.
    pub device_id: String,
    /// Its feeder then.
    pub feeder_id: String,
    /// Its power in the window; none when it was not heard, W.
    pub power_w: Option<i64>,
    /// What it could use, W.
    pub wanted_w: i64,
    /// Its fair share, W.
    pub share_w: i64,
    /// Its setpoint; none where it has none, W.
    pub setpoint_w: Option<i64>,
    /// Its weight, in thousandths.
    pub weight_milli: i64,
    /// Energy below its fair share, Wh.
    pub deficit_wh: i64,
    /// Why.
    pub reason: String,
    /// The feeder whose limit binds it.
    pub bound_by: Option<String>,
    /// What one more kW of limit would give it, W.
    pub marginal_w: i64,
    /// Age of its last sample.
    pub sample_age_ms: Option<i64>,
}

/// What binds a device: the feeder at the same decision, and how many devices share it.
#[derive(Debug, Clone, PartialEq, Row, Deserialize)]
pub struct BoundRow {
    /// Its import limit in force, W.
    pub limit_w: i64,
    /// What holds it down: its limit, an event, a program.
    pub binding: String,
    /// Devices that it binds, this one among them.
    pub shared_by: u64,
}

/// A stretch of a feeder's decisions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionsAsked {
    /// From, included.
    pub from: Timestamp,
    /// To, not included.
    pub to: Timestamp,
    /// Only those before this place: time, epoch, number.
    pub before: Option<(i64, i64, i64)>,
    /// How many.
    pub most: usize,
}

macro_rules! decision_columns {
    () => {
        "
    decision_id,
    toString(root)                         AS root,
    toString(feeder_id)                    AS feeder_id,
    CAST(parent_id, 'Nullable(String)')    AS parent_id,
    epoch,
    seq,
    toUnixTimestamp64Milli(at)             AS at_ms,
    toString(trigger)                      AS trigger,
    toUnixTimestamp64Milli(window_start)   AS window_start_ms,
    toUnixTimestamp64Milli(window_end)     AS window_end_ms,
    toString(policy)                       AS policy,
    certified,
    toString(mode)                         AS mode,
    limit_w,
    load_w,
    uncontrolled_w,
    reserved_w,
    headroom_w,
    allocated_w,
    unmet_w,
    toString(binding)                      AS binding,
    toString(rung)                         AS rung,
    degraded,
    stopped
FROM decisions"
    };
}

macro_rules! device_columns {
    () => {
        "
    decision_id,
    toUnixTimestamp64Milli(at)             AS at_ms,
    toString(device_id)                    AS device_id,
    toString(feeder_id)                    AS feeder_id,
    power_w,
    wanted_w,
    share_w,
    setpoint_w,
    weight_milli,
    deficit_wh,
    toString(reason)                       AS reason,
    CAST(bound_by, 'Nullable(String)')     AS bound_by,
    marginal_w,
    sample_age_ms
FROM decision_devices"
    };
}

const PAGE: &str = concat!(
    "SELECT",
    decision_columns!(),
    "
WHERE decisions.feeder_id = {feeder:String}
  AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})
  AND at <= fromUnixTimestamp64Milli({before_at:Int64})
  AND (toUnixTimestamp64Milli(at), epoch, seq) < ({before_at:Int64}, {before_epoch:Int64}, {before_seq:Int64})
ORDER BY at DESC, epoch DESC, seq DESC
LIMIT {most:UInt32}"
);

const COUNT: &str = "
SELECT count() AS found FROM decisions
WHERE feeder_id = {feeder:String}
  AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})";

// Without a feeder: the root's row.
const ONE: &str = concat!(
    "SELECT",
    decision_columns!(),
    "
WHERE decision_id = {decision:UUID} AND decisions.feeder_id = if({feeder:String} = '', decisions.root, {feeder:String})
LIMIT 1"
);

const ONE_MADE_AT: &str = concat!(
    "SELECT",
    decision_columns!(),
    "
WHERE decisions.feeder_id = {feeder:String} AND at = fromUnixTimestamp64Milli({at:Int64}) AND decision_id = {decision:UUID}
LIMIT 1"
);

const TREES: &str = concat!(
    "SELECT",
    decision_columns!(),
    "
WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND at <= fromUnixTimestamp64Milli({to:Int64})
  AND decision_id IN {ids:Array(UUID)}
ORDER BY decision_id, decisions.feeder_id
LIMIT {most:UInt32} BY decision_id"
);

const DEVICES: &str = concat!(
    "SELECT",
    device_columns!(),
    "
WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND at <= fromUnixTimestamp64Milli({to:Int64})
  AND decision_id IN {ids:Array(UUID)}
  AND (empty({tree:Array(String)}) OR has({tree:Array(String)}, toString(decision_devices.feeder_id)))
  AND decision_devices.device_id > {after:String}
ORDER BY decision_id, decision_devices.device_id
LIMIT {most:UInt32} BY decision_id"
);

const DEVICES_COUNT: &str = "
SELECT decision_id, count() AS found FROM decision_devices
WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND at <= fromUnixTimestamp64Milli({to:Int64})
  AND decision_id IN {ids:Array(UUID)}
  AND (empty({tree:Array(String)}) OR has({tree:Array(String)}, toString(feeder_id)))
GROUP BY decision_id";

const NEWEST_OF_DEVICE: &str = concat!(
    "SELECT",
    device_columns!(),
    "
WHERE ({feeder:String} = '' OR decision_devices.feeder_id = {feeder:String}) AND decision_devices.device_id = {device:String}
  AND at <= fromUnixTimestamp64Milli({at:Int64}) AND at > fromUnixTimestamp64Milli({at:Int64} - {back:Int64})
ORDER BY at DESC, epoch DESC, seq DESC
LIMIT 1"
);

/// One that is older is looked for on every feeder, where the device may have stood then. Moments that are asked for are up to
/// a minute ahead.
const JUST_BEFORE_MS: i64 = 120_000;
/// One that is older explains nothing.
const LONG_BEFORE_MS: i64 = 600_000;

const BOUND: &str = "
SELECT
    any(limit_w)        AS limit_w,
    toString(any(binding)) AS binding,
    assumeNotNull((
        SELECT count() FROM decision_devices
        WHERE at = fromUnixTimestamp64Milli({at:Int64}) AND decision_id = {decision:UUID} AND bound_by = {feeder:String}
    ))                  AS shared_by
FROM decisions
WHERE feeder_id = {feeder:String} AND at = fromUnixTimestamp64Milli({at:Int64}) AND decision_id = {decision:UUID}
HAVING count() > 0";

/// Which devices of decisions: those of the feeders in `tree`, or all where it is empty; those after an id, and how many of
/// each decision at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DevicesAsked {
    /// Feeders.
    pub tree: Vec<String>,
    /// Id of the last device that is known.
    pub after: String,
    /// Rows of each decision.
    pub most: usize,
}

/// Devices of a decision, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DecisionDevices {
    /// Those that were asked for.
    pub rows: Vec<DecisionDeviceRow>,
    /// How many there are in the tree.
    pub total: u64,
}

/// What explains a device at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// What was decided about it.
    pub device: DecisionDeviceRow,
    /// The decision, as of its feeder.
    pub decision: DecisionRow,
    /// The feeder that bound it, where one did.
    pub bound: Option<BoundRow>,
}

#[derive(Row, Deserialize)]
struct CountRow {
    #[serde(with = "clickhouse::serde::uuid")]
    decision_id: Uuid,
    found: u64,
}

impl History {
    /// A page of a feeder's decisions.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn decisions(
        &self,
        feeder_id: &FeederId,
        asked: &DecisionsAsked,
    ) -> Result<Vec<DecisionRow>, HistoryError> {
        let (at, epoch, seq) = asked.before.unwrap_or((asked.to.0, i64::MAX, i64::MAX));
        let query = self
            .client
            .query(PAGE)
            .param("feeder", feeder_id.as_str())
            .param("from", asked.from.0)
            .param("to", asked.to.0)
            .param("before_at", at)
            .param("before_epoch", epoch)
            .param("before_seq", seq)
            .param("most", asked.most);
        self.fetch(query).await
    }

    /// How many decisions of a feeder there are in a stretch.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn count_decisions(
        &self,
        feeder_id: &FeederId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u64, HistoryError> {
        let query = self.client.query(COUNT).param("feeder", feeder_id.as_str());
        self.fetch_one(query.param("from", from.0).param("to", to.0)).await
    }

    /// One decision, as it is about a feeder; about its root where none is named.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn decision(
        &self,
        decision_id: Uuid,
        feeder_id: Option<&FeederId>,
    ) -> Result<Option<DecisionRow>, HistoryError> {
        let feeder = feeder_id.map_or("", FeederId::as_str);
        let query = self.client.query(ONE).param("decision", decision_id.to_string());
        Ok(self.fetch(query.param("feeder", feeder)).await?.pop())
    }

    /// One decision, of which is known when it was made: no other day is looked at.
    async fn decision_made_at(
        &self,
        at: Timestamp,
        decision_id: Uuid,
        feeder_id: &FeederId,
    ) -> Result<Option<DecisionRow>, HistoryError> {
        let query = self.client.query(ONE_MADE_AT).param("feeder", feeder_id.as_str());
        let query = query.param("at", at.0).param("decision", decision_id.to_string());
        Ok(self.fetch(query).await?.pop())
    }

    /// Some decisions as they are about every feeder of their trees, by feeder; no more of each than `most`.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn decision_trees(
        &self,
        decisions: &[(Uuid, Timestamp)],
        most: usize,
    ) -> Result<HashMap<Uuid, Vec<DecisionRow>>, HistoryError> {
        let times = || decisions.iter().map(|(_, at)| at.0);
        let ids: Vec<String> = decisions.iter().map(|(id, _)| id.to_string()).collect();
        let query = self
            .client
            .query(TREES)
            .param("ids", &ids)
            .param("from", times().min().unwrap_or_default())
            .param("to", times().max().unwrap_or_default())
            .param("most", most);
        let mut trees: HashMap<Uuid, Vec<DecisionRow>> = HashMap::new();
        for row in self.fetch::<DecisionRow>(query).await? {
            trees.entry(row.decision_id).or_default().push(row);
        }
        Ok(trees)
    }

    /// Devices of some decisions.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn decision_devices(
        &self,
        decisions: &[(Uuid, Timestamp)],
        asked: &DevicesAsked,
    ) -> Result<HashMap<Uuid, DecisionDevices>, HistoryError> {
        let times = || decisions.iter().map(|(_, at)| at.0);
        let ids: Vec<String> = decisions.iter().map(|(id, _)| id.to_string()).collect();
        let query = |text| {
            self.client
                .query(text)
                .param("ids", &ids)
                .param("from", times().min().unwrap_or_default())
                .param("to", times().max().unwrap_or_default())
                .param("tree", &asked.tree)
        };
        let rows = query(DEVICES).param("after", &asked.after).param("most", asked.most);
        let (rows, counts) = tokio::try_join!(
            self.fetch::<DecisionDeviceRow>(rows),
            self.fetch::<CountRow>(query(DEVICES_COUNT))
        )?;
        let mut devices: HashMap<Uuid, DecisionDevices> =
            decisions.iter().map(|(id, _)| (*id, DecisionDevices::default())).collect();
        for row in rows {
            devices.entry(row.decision_id).or_default().rows.push(row);
        }
        for CountRow { decision_id, found } in counts {
            devices.entry(decision_id).or_default().total = found;
        }
        Ok(devices)
    }

    /// What explains a device at a moment: the newest decision about it that is stored whole; none where there is none within
    /// ten minutes before it. Rows of devices are stored before those of their decision, so the newest of all may lack it.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn explained(
        &self,
        device_id: &DeviceId,
        stands_on: Option<&FeederId>,
        at: Timestamp,
    ) -> Result<Option<Explained>, HistoryError> {
        let mut until = at;
        for _ in 0..2 {
            let Some(device) = self.newest_of_device(device_id, stands_on, until).await? else {
                return Ok(None);
            };
            let made = Timestamp(device.at_ms);
            // A feeder that stands in the log under this id was checked when it was written.
            let Ok(feeder_id) = FeederId::new(&device.feeder_id) else { return Ok(None) };
            let bound = async {
                match &device.bound_by {
                    Some(feeder) => self.bound(device.decision_id, made, feeder).await,
                    None => Ok(None),
                }
            };
            let decision = self.decision_made_at(made, device.decision_id, &feeder_id);
            let (decision, bound) = tokio::try_join!(decision, bound)?;
            if let Some(decision) = decision {
                return Ok(Some(Explained { device, decision, bound }));
            }
            let newest = self.newest_decision(&feeder_id, made.plus_ms(-LONG_BEFORE_MS)).await?;
            let Some(newest) = newest else { return Ok(None) };
            until = newest.min(made.plus_ms(-1));
        }
        Ok(None)
    }

    /// The newest decision about a device at a moment; none where there is none within ten minutes before it. Where it is
    /// known which feeder it stands on now it is looked for there first: rows are sorted by feeder, and a look under all of
    /// them reads some of each.
    async fn newest_of_device(
        &self,
        device_id: &DeviceId,
        stands_on: Option<&FeederId>,
        at: Timestamp,
    ) -> Result<Option<DecisionDeviceRow>, HistoryError> {
        let look = async |feeder: &str, back_ms: i64| {
            let query = self.client.query(NEWEST_OF_DEVICE).param("device", device_id.as_str());
            let query = query.param("feeder", feeder).param("at", at.0).param("back", back_ms);
            Ok(self.fetch(query).await?.pop())
        };
        if let Some(feeder) = stands_on {
            let found = look(feeder.as_str(), JUST_BEFORE_MS).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        look("", LONG_BEFORE_MS).await
    }

    /// What a feeder that binds devices was at a decision.
    async fn bound(
        &self,
        decision_id: Uuid,
        at: Timestamp,
        feeder_id: &str,
    ) -> Result<Option<BoundRow>, HistoryError> {
        let query = self
            .client
            .query(BOUND)
            .param("decision", decision_id.to_string())
            .param("at", at.0)
            .param("feeder", feeder_id);
        Ok(self.fetch(query).await?.pop())
    }
}
