//! What the devices of the system before this one say, byte for byte: its simulator and its Pi agent.

use service_kit::clock::{Clock as _, SystemClock};
use uuid::Uuid;

/// A sample as its simulator writes it: Python's spaces, version 4 ids, all four capabilities, no priorities. `device_type`
/// is the word of the topic, `kw` its power and `soc` a fraction.
#[must_use]
pub fn simulator(device_type: &str, id: &str, site: &str, kw: f64, soc: Option<f64>) -> String {
    let soc = soc.map_or_else(String::new, |soc| format!(", \"soc\": {soc}"));
    format!(
        "{{\"v\": 1, \"messageType\": \"telemetry\", \"messageId\": \"{}\", \"deviceId\": \"{id}\", \
         \"deviceType\": \"{device_type}\", \"timestampMs\": {at}, \"sentAtMs\": {at}, \"source\": \"simulator\", \
         \"payload\": {{\"readings\": {{\"powerKw\": {kw}{soc}}}, \"status\": {{\"online\": true}}, \
         \"capabilities\": {{\"maxChargeKw\": 7.2, \"maxDischargeKw\": 7.2, \"maxExportKw\": 7.2, \"maxImportKw\": 7.2}}, \
         \"siteId\": \"{site}\", \"feederId\": \"{site}\"}}}}",
        uuid4(),
        at = SystemClock.now().0,
    )
}

/// A sample as its Pi agent writes it: the state of charge in percent.
#[must_use]
pub fn pi_agent(device_type: &str, id: &str, kw: f64, percent: f64) -> String {
    format!(
        "{{\"v\": 1, \"messageType\": \"telemetry\", \"messageId\": \"{}\", \"deviceId\": \"{id}\", \
         \"deviceType\": \"{device_type}\", \"timestampMs\": {at}, \"sentAtMs\": {at}, \"source\": \"pi-agent\", \
         \"payload\": {{\"readings\": {{\"powerKw\": {kw}, \"soc\": {percent:?}}}, \"status\": {{\"online\": true}}, \
         \"capabilities\": {{\"maxChargeKw\": 5.0, \"maxDischargeKw\": 5.0}}, \"siteId\": \"home-site\"}}}}",
        uuid4(),
        at = SystemClock.now().0,
    )
}

fn uuid4() -> Uuid {
    uuid::Builder::from_random_bytes(Uuid::now_v7().into_bytes()).into_uuid()
}
