//! Where two decisions differ, byte for byte, in words: the first field that is not the same.

use schemas::codec::Record;
use schemas::records::decision::{Decision, LedgerRecord};
use serde::Serialize;
use serde_json::Value;

/// The first difference of what this core says from what the log holds; none where every byte is the same.
#[must_use]
pub(crate) fn first_difference(ours: &Decision, recorded: &Decision) -> Option<String> {
    if bytes(ours) == bytes(recorded) {
        return None;
    }
    let fence = |decision: &Decision| (decision.no.epoch, decision.writer, decision.no.seq);
    if fence(ours) != fence(recorded) {
        return Some(words("epoch, writer, seq", &fence(ours), &fence(recorded)));
    }
    if let Some(difference) = in_value("header", &ours.header, &recorded.header) {
        return Some(difference);
    }
    let pairs = ours.devices.iter().zip(&recorded.devices);
    let in_device = pairs
        .filter(|(ours, recorded)| ours != recorded)
        .find_map(|(ours, recorded)| in_value(ours.device_id.as_str(), ours, recorded));
    let counts = (ours.devices.len(), recorded.devices.len());
    Some(in_device.unwrap_or_else(|| words("number of devices", &counts.0, &counts.1)))
}

fn bytes(decision: &Decision) -> Option<Vec<u8>> {
    let whole = decision.clone().into_parts(usize::MAX).into_iter().next();
    whole.map(|part| LedgerRecord::DecisionPart(part).encode())
}

fn words(path: &str, ours: &impl std::fmt::Debug, recorded: &impl std::fmt::Debug) -> String {
    format!("{path}: {ours:?} here, {recorded:?} in the log")
}

fn in_value<T: Serialize>(path: &str, ours: &T, recorded: &T) -> Option<String> {
    match (serde_json::to_value(ours), serde_json::to_value(recorded)) {
        (Ok(ours), Ok(recorded)) => walk(path, &ours, &recorded),
        _ => None,
    }
}

fn walk(path: &str, ours: &Value, recorded: &Value) -> Option<String> {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => ours.iter().find_map(|(name, value)| {
            walk(&format!("{path}.{name}"), value, recorded.get(name).unwrap_or(&Value::Null))
        }),
        (Value::Array(ours), Value::Array(recorded)) if ours.len() == recorded.len() => (0..)
            .zip(ours.iter().zip(recorded))
            .find_map(|(index, (ours, recorded)): (usize, _)| {
                walk(&format!("{path}[{index}]"), ours, recorded)
            }),
        (ours, recorded) if ours == recorded => None,
        (ours, recorded) => Some(format!("{path}: {ours} here, {recorded} in the log")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(ours: &Value, recorded: &Value, expected: Option<&str>) {
        assert_eq!(walk("header", ours, recorded).as_deref(), expected);
    }

    #[test]
    fn the_first_field_that_differs_is_named_with_both_values() {
        let recorded = json!({"at": 5, "nodes": [{"load_w": 1}, {"load_w": 7}]});
        check(&recorded, &recorded, None);
        check(
            &json!({"at": 5, "nodes": [{"load_w": 1}, {"load_w": 8}]}),
            &recorded,
            Some("header.nodes[1].load_w: 8 here, 7 in the log"),
        );
        check(
            &json!({"at": 5, "nodes": [{"load_w": 1}]}),
            &recorded,
            Some("header.nodes: [{\"load_w\":1}] here, [{\"load_w\":1},{\"load_w\":7}] in the log"),
        );
    }
}
