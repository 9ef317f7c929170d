//! MQTT packets of both versions, whole or hurt: made from numbers, so that a seed names each. Knows no connection.

use crate::faults::chance::Chance;

/// Texts that have hurt somebody somewhere: names, topics, filters, payloads.
const TEXTS: &[&str] = &[
    "",
    "a",
    "der/telemetry/ev-1",
    "der/telemetry/ev/ev-1",
    "der/telemetry/ev/fuzz-1",
    "der/control/ev-1",
    "der/status/ev-1",
    "#",
    "+",
    "+/#",
    "a/#/b",
    "$SYS/#",
    "$share/g/der/telemetry/#",
    "$share//x",
    "$share/g",
    "$limit/1/x",
    "$exclusive/x",
    "$queue/x",
    "$delayed/9/x",
    "a\0b",
    "\u{feff}",
    "der/telemetry/ev-1?x=1&y=2",
    "derms-bridge",
    "derms-services",
];
/// Levels of the deepest topics: more than a stack has room for.
const LEVELS: &[usize] = &[2, 17, 200, 3_500, 20_000];
/// Identifiers of MQTT 5 properties, and some that are none.
const PROPERTIES: &[u8] = &[
    1, 2, 3, 8, 9, 11, 17, 18, 19, 21, 22, 23, 24, 25, 26, 28, 31, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 0, 127, 255,
];

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1
    Three,
    /// 5
    Five,
}

/// What a client logs in with.
#[derive(Debug, Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

/// A CONNECT that nobody can object to.
#[must_use]
pub fn connect(
    version: Version,
    client_id: &str,
    login: Option<&Login>,
    session_s: u32,
) -> Vec<u8> {
    let mut flags = if session_s == 0 { 2 } else { 0 };
    if login.is_some() {
        flags |= 0xc0;
    }
    let mut body = Vec::new();
    text(&mut body, b"MQTT");
    body.extend([if version == Version::Five { 5 } else { 4 }, flags, 0, 60]);
    if version == Version::Five {
        body.extend([5, 17]);
        body.extend(session_s.to_be_bytes());
    }
    text(&mut body, client_id.as_bytes());
    if let Some(login) = login {
        text(&mut body, login.user.as_bytes());
        text(&mut body, login.password.as_bytes());
    }
    framed(0x10, &body)
}

/// A PUBLISH.
#[must_use]
pub fn publish(version: Version, topic: &[u8], payload: &[u8], qos: u8, retain: bool) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic);
    if qos > 0 {
        body.extend([0, 1]);
    }
    if version == Version::Five {
        body.push(0);
    }
    body.extend(payload);
    framed(0x30 | (qos << 1) | u8::from(retain), &body)
}

/// A SUBSCRIBE.
#[must_use]
pub fn subscribe(version: Version, filters: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0, 1];
    if version == Version::Five {
        body.push(0);
    }
    for filter in filters {
        text(&mut body, filter);
        body.push(1);
    }
    framed(0x82, &body)
}

/// Any packet with any content, mostly of the right form.
#[must_use]
pub fn any(chance: &mut Chance, version: Version) -> Vec<u8> {
    let mut packet = match chance.between(0, 9) {
        0 => odd_connect(chance, version),
        1..=3 => {
            let (topic, payload) = (any_text(chance), any_bytes(chance));
            let qos = small(chance, 3);
            publish(version, &topic, &payload, qos, chance.between(0, 1) == 1)
        }
        4 | 5 => {
            let count = chance.between(0, 300);
            let filters: Vec<_> = (0..count).map(|_| any_text(chance)).collect();
            subscribe(version, &filters)
        }
        6 => {
            let mut body = vec![0, small(chance, 255)];
            properties(chance, version, &mut body);
            text(&mut body, &any_text(chance));
            framed(0xa2, &body)
        }
        7 => framed(small(chance, 15) << 4 | small(chance, 15), &any_bytes(chance)),
        _ => {
            let kind = [0x40, 0x50, 0x62, 0x70, 0xc0, 0xe0, 0xf0];
            let first = chance.one_of(&kind).copied().unwrap_or(0xc0);
            let mut body = vec![0, small(chance, 255), small(chance, 255)];
            properties(chance, version, &mut body);
            framed(first, &body)
        }
    };
    if chance.between(0, 2) == 0 {
        hurt(chance, &mut packet);
    }
    packet
}

/// A CONNECT with any flags, properties, will and names.
fn odd_connect(chance: &mut Chance, version: Version) -> Vec<u8> {
    let mut body = Vec::new();
    text(
        &mut body,
        chance.one_of(&[&b"MQTT"[..], b"MQIsdp", b"mqtt", b""]).copied().unwrap_or(b""),
    );
    let flags = small(chance, 255);
    body.extend([small(chance, 6), flags, small(chance, 255), small(chance, 255)]);
    properties(chance, version, &mut body);
    text(&mut body, &any_text(chance));
    if flags & 4 != 0 {
        properties(chance, version, &mut body);
        text(&mut body, &any_text(chance));
        text(&mut body, &any_bytes(chance));
    }
    text(&mut body, &any_text(chance));
    text(&mut body, &any_text(chance));
    framed(0x10, &body)
}

fn properties(chance: &mut Chance, version: Version, body: &mut Vec<u8>) {
    if version == Version::Three {
        return;
    }
    let mut own = Vec::new();
    for _ in 0..chance.between(0, 4) {
        own.push(chance.one_of(PROPERTIES).copied().unwrap_or(0));
        match chance.between(0, 3) {
            0 => own.push(small(chance, 255)),
            1 => own.extend(chance.draw().to_be_bytes().iter().take(4)),
            _ => text(&mut own, &any_text(chance)),
        }
    }
    length(body, own.len());
    body.extend(own);
}

/// Changes some bytes, the length, or the end.
fn hurt(chance: &mut Chance, packet: &mut Vec<u8>) {
    let last = packet.len().saturating_sub(1) as u64;
    let place = usize::try_from(chance.between(0, last)).unwrap_or(0);
    match chance.between(0, 4) {
        0 => packet.truncate(place),
        1 => packet[place] ^= 1 << chance.between(0, 7),
        2 => packet[place] = small(chance, 255),
        3 => {
            // A length of any size, up to the longest there is and one byte beyond.
            let mut long = vec![packet[0]];
            long.extend((0..chance.between(1, 5)).map(|_| 0xff));
            long.push(small(chance, 127));
            long.extend_from_slice(&packet[1..]);
            *packet = long;
        }
        _ => packet.extend(any_bytes(chance)),
    }
}

/// A topic, a filter or a name.
pub(super) fn any_text(chance: &mut Chance) -> Vec<u8> {
    match chance.between(0, 9) {
        0 => {
            let levels = chance.one_of(LEVELS).copied().unwrap_or(1);
            let unit = chance.one_of(&["/", "a/", "+/", "#/"]).copied().unwrap_or("/");
            let mut deep = unit.repeat(levels).into_bytes();
            deep.truncate(usize::from(u16::MAX));
            deep
        }
        1 => any_bytes(chance),
        _ => chance.one_of(TEXTS).copied().unwrap_or("").as_bytes().to_vec(),
    }
}

fn any_bytes(chance: &mut Chance) -> Vec<u8> {
    let most = [4, 200, 5_000, 70_000];
    let most = chance.one_of(&most).copied().unwrap_or(4);
    let count = chance.between(0, most);
    (0..count).map(|_| small(chance, 255)).collect()
}

fn small(chance: &mut Chance, most: u8) -> u8 {
    u8::try_from(chance.between(0, u64::from(most))).unwrap_or(most)
}

fn text(body: &mut Vec<u8>, text: &[u8]) {
    let text = &text[..text.len().min(usize::from(u16::MAX))];
    body.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    body.extend(text);
}

fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    length(&mut packet, body.len());
    packet.extend(body);
    packet
}

fn length(packet: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = u8::try_from(length % 128).unwrap_or(0);
        length /= 128;
        packet.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_packets_and_seeds_differ() {
        let packets = |seed| {
            let mut chance = Chance::new(seed);
            (0..50).map(|_| any(&mut chance, Version::Five)).collect::<Vec<_>>()
        };
        assert_eq!(packets(1), packets(1));
        assert_ne!(packets(1), packets(2));
    }

    #[test]
    fn lengths_are_written_as_the_protocol_says() {
        let written = |number| {
            let mut bytes = Vec::new();
            length(&mut bytes, number);
            bytes
        };
        assert_eq!(written(127), [0x7f]);
        assert_eq!(written(128), [0x80, 1]);
        assert_eq!(written(268_435_455), [0xff, 0xff, 0xff, 0x7f]);
    }
}
