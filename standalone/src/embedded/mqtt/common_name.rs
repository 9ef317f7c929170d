//! The common name in a certificate that has been verified already: just enough of DER for that. It must not know TLS.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
/// The version, where it is not the first.
const VERSION: u8 = 0xa0;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;

/// The one common name of a certificate's subject; none where there is none, or several.
pub(super) fn common_name(certificate: &[u8]) -> Option<&str> {
    let (body, _) = expect(SEQUENCE, certificate)?;
    let (mut fields, _) = expect(SEQUENCE, body)?;
    if let Some((_, rest)) = expect(VERSION, fields) {
        fields = rest;
    }
    let (_, fields) = expect(INTEGER, fields)?;
    // Algorithm, issuer, validity; then the subject.
    let (_, fields) = expect(SEQUENCE, fields)?;
    let (_, fields) = expect(SEQUENCE, fields)?;
    let (_, fields) = expect(SEQUENCE, fields)?;
    let (mut subject, _) = expect(SEQUENCE, fields)?;
    let mut found = None;
    while !subject.is_empty() {
        let (mut names, rest) = expect(SET, subject)?;
        while !names.is_empty() {
            let (name, more) = expect(SEQUENCE, names)?;
            let (kind, value) = expect(OBJECT_ID, name)?;
            if kind == COMMON_NAME {
                let (text, _) = expect(UTF8, value).or_else(|| expect(PRINTABLE, value))?;
                if found.replace(std::str::from_utf8(text).ok()?).is_some() {
                    return None;
                }
            }
            names = more;
        }
        subject = rest;
    }
    found
}

/// The content of an element of this kind, and what follows it.
fn expect(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&short, rest) = rest.split_first()?;
    if tag != kind {
        return None;
    }
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[kind, 0x82, length[0], length[1]], content].concat()
    }

    fn name(kind: &[u8], text: &str) -> Vec<u8> {
        let pair = [element(OBJECT_ID, kind), element(UTF8, text.as_bytes())].concat();
        element(SET, &element(SEQUENCE, &pair))
    }

    fn certificate(subject: &[Vec<u8>], versioned: bool) -> Vec<u8> {
        let issuer = element(SEQUENCE, &name(COMMON_NAME, "the issuer"));
        let mut body = if versioned { element(VERSION, &[2, 1, 2]) } else { Vec::new() };
        body.extend(element(INTEGER, &[7]));
        body.extend(element(SEQUENCE, b"algorithm"));
        body.extend(issuer);
        body.extend(element(SEQUENCE, b"validity"));
        body.extend(element(SEQUENCE, &subject.concat()));
        element(SEQUENCE, &element(SEQUENCE, &body))
    }

    #[test]
    fn the_subjects_one_common_name_is_found_and_nothing_else() {
        let country = name(&[0x55, 0x04, 0x06], "NL");
        for versioned in [true, false] {
            let whole = certificate(&[country.clone(), name(COMMON_NAME, "ev-1")], versioned);
            assert_eq!(common_name(&whole), Some("ev-1"));
            for end in 0..whole.len() {
                assert_eq!(common_name(&whole[..end]), None, "cut at {end}");
            }
        }
        assert_eq!(common_name(&certificate(&[country], true)), None);
        let two = [name(COMMON_NAME, "ev-1"), name(COMMON_NAME, "ev-2")];
        assert_eq!(common_name(&certificate(&two, true)), None);
    }
}
